// Package journaltest holds roll-ups against the rows they count. It shares no
// code with package journal: the recount is plain SQL over the file.
package journaltest

import (
	"database/sql"
	"testing"

	_ "modernc.org/sqlite" // the engine
)

// recount says what the roll-ups must be. SQLite's division rounds towards zero,
// so buckets before 1970 need the remainder made positive first.
const recount = `
WITH dimensioned AS (
	SELECT 1 AS dimension, x'' AS value, 3600000000 AS width, tenant_id, level, timestamp FROM entries
	UNION ALL
	SELECT 2, coalesce(category_id, x''), 3600000000, tenant_id, level, timestamp FROM entries
	UNION ALL
	SELECT 3, CAST(source AS blob), 86400000000, tenant_id, level, timestamp FROM entries WHERE source IS NOT NULL
	UNION ALL
	SELECT 4, CAST(user_id AS blob), 86400000000, tenant_id, level, timestamp FROM entries WHERE user_id IS NOT NULL
), tenanted AS (
	SELECT dimension, value, width, zeroblob(16) AS tenant, level, timestamp FROM dimensioned
	UNION ALL
	SELECT dimension, value, width, tenant_id, level, timestamp FROM dimensioned WHERE tenant_id IS NOT NULL
), wanted AS (
	SELECT 1 AS kind, dimension, hex(value), hex(tenant),
		(timestamp - ((timestamp % width) + width) % width) / width AS bucket, level, count(*) AS row_count
	FROM tenanted GROUP BY 1, 2, 3, 4, 5, 6
), found AS (
	SELECT kind, dimension, hex(value), hex(tenant_id), bucket, class, row_count FROM rollups
)
SELECT 'missing', * FROM (SELECT * FROM wanted EXCEPT SELECT * FROM found)
UNION ALL
SELECT 'superfluous', * FROM (SELECT * FROM found EXCEPT SELECT * FROM wanted)
LIMIT 5`

// Failer is what a test, or a property's run, offers to complain with.
type Failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

var _ Failer = (*testing.T)(nil)

// Recount fails where the roll-ups in a database file are not what its rows say,
// and gives the number of rows.
func Recount(t Failer, path string) (rows int) {
	t.Helper()
	file, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	defer file.Close()
	tx, err := file.Begin() // one snapshot for both sides
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	defer tx.Rollback()
	if err := tx.QueryRow("SELECT count(*) FROM entries").Scan(&rows); err != nil {
		t.Fatalf("count: %v", err)
	}
	wrong, err := tx.Query(recount)
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
