// Package journaltest holds roll-ups against the rows they count. It shares no
// code with package journal: the recount is plain SQL over the file.
package journaltest

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql" // the engine
	_ "modernc.org/sqlite"             // the engine
)

// recount says what the roll-ups must be, in the SQL that both engines read once
// the words in braces are replaced. Dividing rounds towards zero, so buckets
// before 1970 need the remainder made positive first.
const recount = `
WITH dimensioned AS (
	SELECT 1 AS dimension, '' AS value, 3600000000 AS width, tenant_id, level, timestamp FROM entries
	UNION ALL
	SELECT 2, coalesce(hex(category_id), ''), 3600000000, tenant_id, level, timestamp FROM entries
	UNION ALL
	SELECT 3, hex(source), 86400000000, tenant_id, level, timestamp FROM entries WHERE source IS NOT NULL
	UNION ALL
	SELECT 4, hex(user_id), 86400000000, tenant_id, level, timestamp FROM entries WHERE user_id IS NOT NULL
), tenanted AS (
	SELECT dimension, value, width, '00000000000000000000000000000000' AS tenant, level, timestamp FROM dimensioned
	UNION ALL
	SELECT dimension, value, width, hex(tenant_id), level, timestamp FROM dimensioned WHERE tenant_id IS NOT NULL
), wanted AS (
	SELECT 1 AS kind, dimension, value, tenant,
		(timestamp - ((timestamp % width) + width) % width) {div} width AS bucket, level, count(*) AS row_count
	FROM tenanted GROUP BY 1, 2, 3, 4, 5, 6
), found AS (
	SELECT kind, dimension, hex(value) AS value, hex(tenant_id) AS tenant, bucket, class, row_count FROM rollups
)
SELECT 'missing' AS what, a.* FROM (SELECT * FROM wanted EXCEPT SELECT * FROM found) AS a
UNION ALL
SELECT 'superfluous', b.* FROM (SELECT * FROM found EXCEPT SELECT * FROM wanted) AS b
LIMIT 5`

// Failer is what a test, or a property's run, offers to complain with.
type Failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

var _ Failer = (*testing.T)(nil)

// Recount fails where the roll-ups in a database are not what its rows say, and
// gives the number of rows. The address is one that db.Open takes.
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
	if err := tx.QueryRow("SELECT count(*) FROM entries").Scan(&rows); err != nil {
		t.Fatalf("count: %v", err)
	}
	wrong, err := tx.Query(strings.ReplaceAll(recount, "{div}", divide))
	if err != nil {
		t.Fatalf("recount: %v", err)
	}
	defer wrong.Close()
	for wrong.Next() {
		var what, value, tenant string
		var kind, dimension, bucket, level, count int64
		if err := wrong.Scan(&what, &kind, &dimension, &value, &tenant, &bucket, &level, &count); err != nil {
			t.Fatalf("recount: %v", err)
		}
		t.Fatalf("%s roll-up: kind %d dimension %d value %q tenant %s bucket %d level %d count %d",
			what, kind, dimension, value, tenant, bucket, level, count)
	}
	if err := wrong.Err(); err != nil {
		t.Fatalf("recount: %v", err)
	}
	return rows
}
