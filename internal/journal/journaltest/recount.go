// Package journaltest holds roll-ups against the rows they count. It shares no
// code with package journal: the recount is plain SQL over the file.
package journaltest

import (
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql" // the engine
	_ "modernc.org/sqlite"             // the engine
)

// counted is one dimension of one kind: which rows it counts, under which value.
type counted struct {
	kind, dimension int
	value           string  // SQL for the value in hexadecimal
	widths          []int64 // of its buckets, in minutes
	where           string
}

var (
	hour = []int64{60, 1440, 23040}
	day  = []int64{1440, 23040}
)

// digits gives SQL for a number's digits in hexadecimal.
func digits(column string) string { return "hex(CAST(" + column + " AS CHAR))" }

// kinds says what is counted in which table; each begins with its table, time, class
// and sums.
var kinds = []struct {
	number                   int
	table, time, class, sums string
	dimensions               []counted
	brought                  string // SQL that leaves out what Logbook records of itself
}{
	{1, "entries", "timestamp", "level", "0 AS quota, 0 AS prompt, 0 AS completion", []counted{
		{dimension: 1, value: "''", widths: hour},
		{dimension: 2, value: "coalesce(hex(category_id), '')", widths: hour},
		{dimension: 3, value: "hex(source)", widths: day, where: "source IS NOT NULL"},
		{dimension: 4, value: "hex(user_id)", widths: day, where: "user_id IS NOT NULL"},
	}, ""},
	{2, "audit_events", "created_at", "0", "0 AS quota, 0 AS prompt, 0 AS completion", []counted{
		{dimension: 1, value: "''", widths: hour},
		{dimension: 2, value: "hex(`key`)", widths: hour},
		{dimension: 3, value: "hex(user_id)", widths: day, where: "user_id IS NOT NULL"},
		{dimension: 4, value: "hex(application_id)", widths: day, where: "application_id IS NOT NULL"},
	}, " WHERE application_id IS NULL OR application_id <> 'logbook'"},
	{3, "operations", "created_at", "status", "0 AS quota, 0 AS prompt, 0 AS completion", []counted{
		{dimension: 1, value: "''", widths: hour},
		{dimension: 2, value: "concat(coalesce(" + digits("user_id") + ", ''), '00', coalesce(hex(username), ''))", widths: day},
		{dimension: 3, value: digits("action"), widths: hour},
		{dimension: 4, value: "hex(module)", widths: day},
	}, " WHERE module <> 'logbook'"},
	{4, "usage_records", "created_at", "type", "quota, prompt_tokens AS prompt, completion_tokens AS completion", []counted{
		{dimension: 1, value: "''", widths: []int64{5, 60, 1440, 23040}},
		{dimension: 2, value: "hex(model_name)", widths: hour},
		{dimension: 3, value: "concat(" + digits("user_id") + ", '00', hex(username))", widths: []int64{240, 1440, 23040}},
		{dimension: 4, value: "concat(" + digits("token_id") + ", '00', hex(token_name))", widths: day},
		{dimension: 7, value: "concat(hex(username), '00', " + digits("user_id") + ")", widths: []int64{23040}},
		{dimension: 5, value: digits("channel_id"), widths: hour},
		{dimension: 6, value: "hex(`group`)", widths: hour},
	}, ""},
	{5, "api_calls", "operation_time", "status_code", "0 AS quota, 0 AS prompt, 0 AS completion", []counted{
		{dimension: 1, value: "''", widths: hour},
		{dimension: 2, value: "hex(app_id)", widths: day},
	}, ""},
}

// recount says what the roll-ups must be, in the SQL that both engines read once
// {div} is replaced. Dividing rounds towards zero, so buckets before 1970 need the
// remainder made positive first.
func recount() string {
	var dimensioned []string
	for _, kind := range kinds {
		for _, one := range kind.dimensions {
			for _, width := range one.widths {
				text := fmt.Sprintf("SELECT %d AS kind, %d AS dimension, %s AS value, %d AS width, tenant_id, %s AS at, %s AS class, %s FROM %s",
					kind.number, one.dimension, one.value, width, kind.time, kind.class, kind.sums, kind.table)
				if one.where != "" {
					text += " WHERE " + one.where
				}
				dimensioned = append(dimensioned, text)
			}
		}
	}
	return `
WITH dimensioned AS (
	` + strings.Join(dimensioned, "\n\tUNION ALL\n\t") + `
), tenanted AS (
	SELECT kind, dimension, value, width, '00000000000000000000000000000000' AS tenant, at, class, quota, prompt, completion FROM dimensioned
	UNION ALL
	SELECT kind, dimension, value, width, hex(tenant_id), at, class, quota, prompt, completion FROM dimensioned WHERE tenant_id IS NOT NULL
), wanted AS (
	SELECT kind, dimension, width, value, tenant, (at - ((at % (width * 60000000)) + width * 60000000) % (width * 60000000)) {div} (width * 60000000) AS bucket, class,
		count(*) AS row_count, sum(quota) AS quota, sum(prompt) AS prompt, sum(completion) AS completion
	FROM tenanted GROUP BY 1, 2, 3, 4, 5, 6, 7
), found AS (
	SELECT kind, dimension, width, hex(value) AS value, hex(tenant_id) AS tenant, bucket, class, row_count, quota, prompt_tokens, completion_tokens FROM rollups
)
SELECT 'missing' AS what, a.* FROM (SELECT * FROM wanted EXCEPT SELECT * FROM found) AS a
UNION ALL
SELECT 'superfluous', b.* FROM (SELECT * FROM found EXCEPT SELECT * FROM wanted) AS b
LIMIT 5`
}

// Failer is what a test, or a property's run, offers to complain with.
type Failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

var _ Failer = (*testing.T)(nil)

// Recount fails where the roll-ups in a database are not what its rows say, and
// gives the number of rows of all kinds, less those that Logbook recorded of itself.
// The address is one that db.Open takes.
func Recount(t Failer, address string) (rows int) {
	t.Helper()
	driver, source, divide := "sqlite", "", "/"
	if path, isFile := strings.CutPrefix(address, "sqlite:"); isFile {
		source = "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=ro&_pragma=busy_timeout(10000)"
	} else {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatalf("address %s: %v", address, err)
		}
		password, _ := u.User.Password()
		driver, divide = "mysql", "DIV"
		source = u.User.Username() + ":" + password + "@tcp(" + u.Host + ")" + u.Path
	}
	database, err := sql.Open(driver, source)
	if err != nil {
		t.Fatalf("open %s: %v", address, err)
	}
	defer database.Close()
	tx, err := database.Begin() // one snapshot for both sides
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	defer tx.Rollback()
	for _, kind := range kinds {
		var count int
		if err := tx.QueryRow("SELECT count(*) FROM " + kind.table + kind.brought).Scan(&count); err != nil {
			t.Fatalf("count: %v", err)
		}
		rows += count
	}
	wrong, err := tx.Query(strings.ReplaceAll(recount(), "{div}", divide))
	if err != nil {
		t.Fatalf("recount: %v", err)
	}
	defer wrong.Close()
	for wrong.Next() {
		var what, value, tenant string
		var kind, dimension, width, bucket, class, count, quota, prompt, completion int64
		if err := wrong.Scan(&what, &kind, &dimension, &width, &value, &tenant, &bucket, &class, &count, &quota, &prompt, &completion); err != nil {
			t.Fatalf("recount: %v", err)
		}
		t.Fatalf("%s roll-up: kind %d dimension %d width %d value %q tenant %s bucket %d class %d count %d quota %d tokens %d + %d",
			what, kind, dimension, width, value, tenant, bucket, class, count, quota, prompt, completion)
	}
	if err := wrong.Err(); err != nil {
		t.Fatalf("recount: %v", err)
	}
	return rows
}
