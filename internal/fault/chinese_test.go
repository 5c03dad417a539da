package fault

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms are the folders whose sentences may reach an HTTP caller. The others are
// generated or the command line's: internal/cli, internal/ingest, bench, server.go.
var rooms = []string{
	"ent/column", "ent/schema", "internal/account", "internal/auth", "internal/authn", "internal/db", "internal/export",
	"internal/fault", "internal/journal", "internal/rawjson", "internal/web", "resolvers", "rest",
}

// elsewhere are single files of other rooms that answer HTTP.
var elsewhere = []string{"internal/cli/front.go"}

// ofTheCommandLine says of a sentence that it is about how the program was started.
func ofTheCommandLine(format string) bool {
	return strings.HasPrefix(format, "--") || strings.HasPrefix(format, "LOGBOOK_")
}

// TestChinese wants Chinese for every sentence, with the same arguments, and no
// Chinese for what nobody says.
func TestChinese(t *testing.T) {
	t.Parallel()
	said := map[string]string{} // where, by format
	packages := map[string]*source{}
	for _, room := range rooms {
		packages[room] = readRoom(t, room)
	}
	for _, file := range elsewhere {
		room := filepath.Dir(file)
		packages[room] = &source{name: filepath.Base(room), files: []*ast.File{parseFile(t, file)}}
	}
	for _, p := range packages {
		p.findTakers()
	}
	for room, p := range packages {
		for _, call := range p.calls(packages["internal/fault"]) {
			where := room + ": " + positions.Position(call.format.Pos()).String()
			formats, ok := p.literals(call.format, packages)
			if !ok {
				t.Errorf("%s: the format is no literal", where)
			}
			for _, format := range formats {
				if !ofTheCommandLine(format) && regexp.MustCompile(`[a-zA-Z]`).MatchString(verb.ReplaceAllString(format, "")) {
					said[format] = where
				}
			}
		}
	}
	if len(said) < 100 {
		t.Fatalf("only %d sentences were found", len(said))
	}
	for _, format := range slices.Sorted(maps.Keys(said)) {
		words, known := chinese[format]
		switch {
		case !known:
			t.Errorf("%s: no Chinese for %q", said[format], format)
		case arguments(format) != arguments(words):
			t.Errorf("%s: %q takes %s, its Chinese %q takes %s", said[format], format, arguments(format), words, arguments(words))
		}
	}
	for format := range chinese {
		if said[format] == "" {
			t.Errorf("nobody says %q, which has a Chinese wording", format)
		}
	}
}

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?([a-zA-Z%])`)

// arguments lists the verb of each argument of a format.
func arguments(format string) string {
	verbs := map[int]string{}
	next := 1
	for _, found := range verb.FindAllStringSubmatch(format, -1) {
		if found[2] == "%" {
			continue
		}
		if found[1] != "" {
			next, _ = strconv.Atoi(found[1])
		}
		verbs[next] += found[2]
		next++
	}
	return fmt.Sprint(verbs)
}

var (
	root      = os.DirFS("../..")
	positions = token.NewFileSet()
)

// source is a package's files and which of its functions take formats.
type source struct {
	name   string
	files  []*ast.File
	takers map[string]int // the format's place among the arguments, by function
}

func readRoom(t *testing.T, room string) *source {
	t.Helper()
	p := &source{name: filepath.Base(room)}
	files, err := fs.Glob(root, room+"/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no files (%v)", room, err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			p.files = append(p.files, parseFile(t, file))
		}
	}
	return p
}

func parseFile(t *testing.T, file string) *ast.File {
	t.Helper()
	text, err := fs.ReadFile(root, file)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.ParseFile(positions, file, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// findTakers finds what takes a format: functions, methods, variables and parameters
// whose last parameters are "format string, args ...any".
func (p *source) findTakers() {
	p.takers = map[string]int{}
	types := map[string]int{}
	note := func(names []*ast.Ident, kind ast.Expr) {
		at, ok := -1, false
		switch kind := kind.(type) {
		case *ast.FuncType:
			at, ok = formatOf(kind)
		case *ast.Ident:
			at, ok = types[kind.Name], types[kind.Name] > 0
			at--
		}
		for _, name := range names {
			if ok {
				p.takers[name.Name] = at
			}
		}
	}
	for range 2 { // types first
		for _, file := range p.files {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.TypeSpec:
					if kind, ok := n.Type.(*ast.FuncType); ok {
						if at, ok := formatOf(kind); ok {
							types[n.Name.Name] = at + 1
						}
					}
				case *ast.FuncDecl:
					note([]*ast.Ident{n.Name}, n.Type)
				case *ast.Field:
					note(n.Names, n.Type)
				case *ast.AssignStmt:
					for i, value := range n.Rhs {
						if literal, ok := value.(*ast.FuncLit); ok && i < len(n.Lhs) {
							if name, ok := n.Lhs[i].(*ast.Ident); ok {
								note([]*ast.Ident{name}, literal.Type)
							}
						}
					}
				}
				return true
			})
		}
	}
}

// formatOf gives the place of the format among a function's parameters.
func formatOf(kind *ast.FuncType) (at int, ok bool) {
	var names []string
	for _, field := range kind.Params.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	n := len(names)
	if n < 2 || names[n-1] != "args" || names[n-2] != "format" {
		return 0, false
	}
	return n - 2, true
}

// call is a call of what takes a format.
type call struct{ format ast.Expr }

// calls finds the calls of the package's own takers and of fault's.
func (p *source) calls(fault *source) (list []call) {
	for _, file := range p.files {
		ast.Inspect(file, func(n ast.Node) bool {
			made, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			at, takes := 0, false
			switch name := made.Fun.(type) {
			case *ast.Ident:
				at, takes = lookUp(p, name.Name)
			case *ast.SelectorExpr:
				if of, ok := name.X.(*ast.Ident); ok && of.Name == "fault" {
					at, takes = lookUp(fault, name.Sel.Name)
				} else if !ok || of.Name != "fmt" {
					at, takes = lookUp(p, name.Sel.Name)
				}
			}
			if !takes || at >= len(made.Args) {
				return true
			}
			if name, ok := made.Args[at].(*ast.Ident); ok && name.Name == "format" {
				return true // a taker that passes on what it took
			}
			// What is internal, nobody is shown.
			if first, ok := made.Args[0].(*ast.SelectorExpr); ok && first.Sel.Name == "Internal" {
				return true
			}
			if first, ok := made.Args[0].(*ast.Ident); ok && first.Name == "Internal" {
				return true
			}
			list = append(list, call{made.Args[at]})
			return true
		})
	}
	return list
}

func lookUp(p *source, name string) (int, bool) {
	at, ok := p.takers[name]
	return at, ok
}

// literals gives the texts that an expression may be: a literal, a constant of the
// package, or what a function that gives only literals gives.
func (p *source) literals(e ast.Expr, packages map[string]*source) (texts []string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return []string{text}, err == nil
	case *ast.Ident:
		for _, file := range p.files {
			ast.Inspect(file, func(n ast.Node) bool {
				if spec, is := n.(*ast.ValueSpec); is && len(spec.Values) == 1 && spec.Names[0].Name == e.Name {
					texts, ok = p.literals(spec.Values[0], packages)
				}
				return true
			})
		}
	case *ast.CallExpr:
		of, name := p, ""
		switch f := e.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			if room, is := f.X.(*ast.Ident); is {
				of, name = packages["internal/"+room.Name], f.Sel.Name
			}
		}
		if of == nil {
			return nil, false
		}
		for _, file := range of.files {
			ast.Inspect(file, func(n ast.Node) bool {
				if f, is := n.(*ast.FuncDecl); is && f.Name.Name == name {
					ok = true
					ast.Inspect(f, func(n ast.Node) bool {
						if given, is := n.(*ast.ReturnStmt); is {
							more, literal := of.literals(given.Results[0], packages)
							texts, ok = append(texts, more...), ok && literal
						}
						return true
					})
				}
				return true
			})
		}
	}
	return texts, ok
}
