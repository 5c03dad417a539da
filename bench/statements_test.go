package main

import (
	"reflect"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// hearMariaDB hears statements from the server's general log.
func hearMariaDB(t *testing.T, e *engine) func(ask func()) []string {
	return func(ask func()) (list []string) {
		t.Helper()
		pool, err := e.openMySQL()
		check(t, err)
		defer pool.Close()
		pool.SetMaxOpenConns(1)
		for _, statement := range []string{"SET GLOBAL log_output = 'TABLE'", "TRUNCATE mysql.general_log", "SET GLOBAL general_log = 1"} {
			_, err := pool.ExecContext(t.Context(), statement)
			check(t, err)
		}
		ask()
		_, err = pool.ExecContext(t.Context(), "SET GLOBAL general_log = 0")
		check(t, err)
		rows, err := pool.QueryContext(t.Context(), "SELECT argument FROM mysql.general_log WHERE command_type IN ('Query', 'Execute') AND thread_id <> CONNECTION_ID()")
		check(t, err)
		defer rows.Close()
		for rows.Next() {
			var text string
			check(t, rows.Scan(&text))
			list = append(list, text)
		}
		check(t, rows.Err())
		return list
	}
}

// ear is what sqlite3_trace_v2 calls.
type ear func(tls *libc.TLS, event uint32, context, statement, text uintptr) int32

// hearSQLite hears what SQLite itself says it runs, by sqlite3_trace_v2, on all
// connections that are opened from now on. The driver does not offer that, so its
// connection is looked into.
func hearSQLite() func(ask func()) []string {
	var mu sync.Mutex
	var heard []string
	hear := new(ear(func(_ *libc.TLS, _ uint32, _, _, text uintptr) int32 {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, libc.GoString(text))
		return 0
	}))
	sqlite.RegisterConnectionHook(func(connection sqlite.ExecQuerierContext, _ string) error {
		inside := reflect.ValueOf(connection).Elem()
		tls, handle := (*libc.TLS)(inside.FieldByName("tls").UnsafePointer()), uintptr(inside.FieldByName("db").Uint())
		sqlite3.Xsqlite3_trace_v2(tls, handle, sqlite3.SQLITE_TRACE_STMT, *(*uintptr)(unsafe.Pointer(hear)), 0)
		return nil
	})
	return func(ask func()) []string {
		mu.Lock()
		heard = nil
		mu.Unlock()
		ask()
		mu.Lock()
		defer mu.Unlock()
		return heard
	}
}

// selects gives the statements that read.
func selects(statements []string) (list []string) {
	for _, one := range statements {
		if strings.HasPrefix(one, "SELECT") || strings.HasPrefix(one, "(SELECT") || strings.HasPrefix(one, "WITH") {
			list = append(list, one)
		}
	}
	return list
}
