// Package house has no code: its test holds the import graph against the table
// of rooms in ARCHITECTURE.md.
package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// mayImport says which of Logbook's rooms each room may import. A room holds the
// packages below its path that no longer path claims. "*" stands for all.
var mayImport = map[string]string{
	"":                             "*", // server.go
	"bench":                        "ent ent/column internal/account internal/auth internal/authn internal/db internal/db/dbtest internal/fault internal/journal internal/web resolvers rest",
	"console":                      "internal/web",
	"examples":                     "",
	"ent":                          "ent ent/column internal/auth internal/fault", // generated
	"ent/column":                   "",
	"ent/migrations":               "",
	"ent/migrations/diff":          "ent ent/migrations internal/db/dbtest",
	"ent/schema":                   "ent ent/column internal/auth internal/fault",
	"graph":                        "ent ent/column internal/account internal/journal internal/auth internal/rawjson",
	"internal/account":             "ent ent/column ent/schema internal/auth internal/authn internal/db internal/fault internal/journal internal/recorder",
	"internal/auth":                "internal/fault",
	"internal/authn":               "ent ent/column internal/auth internal/fault",
	"internal/cli":                 "ent ent/column internal/account internal/auth internal/authn internal/db internal/export internal/fault internal/ingest internal/journal internal/web",
	"internal/db":                  "ent ent/column ent/migrate ent/migrations internal/fault internal/rawjson",
	"internal/db/dbtest":           "",
	"internal/export":              "ent ent/column internal/auth internal/fault internal/ingest internal/journal internal/rawjson internal/web",
	"internal/fault":               "",
	"internal/house":               "",
	"internal/ingest":              "ent ent/column internal/account internal/auth internal/fault internal/journal internal/rawjson",
	"internal/journal":             "ent ent/column ent/schema internal/auth internal/db internal/fault internal/rawjson",
	"internal/journal/journaltest": "",
	"internal/metrics":             "internal/recorder internal/web",
	"internal/rawjson":             "internal/fault",
	"internal/recorder":            "internal/auth internal/fault",
	"internal/web":                 "internal/auth internal/fault",
	"resolvers":                    "graph ent ent/column internal/account internal/auth internal/fault internal/journal internal/rawjson internal/web",
	"rest":                         "ent ent/column internal/auth internal/fault internal/journal internal/rawjson internal/recorder internal/web",
}

// generatedRuntime is how ent joins its schema to its client: the one arrow that
// generated code draws from the room ent to its own schema.
const generatedRuntime = "logbook/ent/runtime"

// room gives the longest key of mayImport that holds a package.
func room(pkg string) (string, bool) {
	path := strings.TrimPrefix(strings.TrimPrefix(pkg, "logbook"), "/")
	for {
		if _, known := mayImport[path]; known {
			if path == "" && pkg != "logbook" {
				return "", false
			}
			return path, true
		}
		cut := strings.LastIndexByte(path, '/')
		if cut < 0 {
			return "", false
		}
		path = path[:cut]
	}
}

func TestImports(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "logbook/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := map[string]bool{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		from, known := room(pkg.ImportPath)
		if !known {
			t.Errorf("%s is in no room of the table", pkg.ImportPath)
			continue
		}
		seen[from] = true
		allowed := strings.Fields(mayImport[from])
		for _, imported := range pkg.Imports {
			if !strings.HasPrefix(imported, "logbook/") || pkg.ImportPath == generatedRuntime {
				continue
			}
			to, _ := room(imported)
			if to == from || len(allowed) == 1 && allowed[0] == "*" {
				continue
			}
			if !contains(allowed, to) {
				t.Errorf("%s imports %s, which the table does not allow", pkg.ImportPath, imported)
			}
		}
	}
	for name := range mayImport {
		if !seen[name] && name != "internal/house" {
			t.Errorf("the table has a room %q that does not exist", name)
		}
	}
}

func contains(list []string, wanted string) bool {
	for _, one := range list {
		if one == wanted {
			return true
		}
	}
	return false
}

// TestGatesBelow names the arrows whose absence carries a promise: nobody but db
// may hold an engine's driver.
func TestGatesBelow(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{$p := .ImportPath}}{{range .Imports}}{{$p}} {{.}}{{"\n"}}{{end}}`, "logbook/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	drivers := map[string]bool{
		"logbook/internal/db": true, "logbook/internal/db/dbtest": true, "logbook/ent/migrations/diff": true, "logbook/internal/journal/journaltest": true,
		"logbook/bench": true, // its floor is what is below internal/db
	}
	for _, line := range strings.Split(string(out), "\n") {
		from, to, _ := strings.Cut(line, " ")
		if (to == "modernc.org/sqlite" || to == "database/sql" || to == "github.com/go-sql-driver/mysql") &&
			!drivers[from] && !strings.HasPrefix(from, "logbook/ent") {
			t.Errorf("%s imports %s: engines are internal/db's business", from, to)
		}
	}
}
