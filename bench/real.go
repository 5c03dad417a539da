package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"logbook/internal/db"
	"logbook/internal/journal"
)

// real is the command "real": it imports real log files as people do and prints
// the sizes that come of them, a database a kind.
type real struct {
	Dir string `arg:"" help:"Folder with KIND.ndjson.gz files." type:"existingdir"`
	DB  string `help:"sqlite or mysql (default ${default})." default:"sqlite" enum:"sqlite,mysql"`
}

// Run imports and prints the kinds one after the other, then all in one database.
func (r *real) Run(p process) error {
	binary, remove, err := buildServer(p)
	if err != nil {
		return err
	}
	defer remove()
	var all []*kind
	for _, k := range kinds() {
		if _, err := os.Stat(r.file(k)); errors.Is(err, fs.ErrNotExist) {
			p.note("%s is not there; no %s", r.file(k), k.name)
			continue
		}
		all = append(all, k)
		if err := r.sizes(p, binary, k.name, []*kind{k}); err != nil {
			return err
		}
	}
	return r.sizes(p, binary, "all", all)
}

func (r *real) file(k *kind) string { return filepath.Join(r.Dir, k.name+".ndjson.gz") }

// sizes imports some kinds into one empty database.
func (r *real) sizes(p process, binary, name string, some []*kind) error {
	e, stop, err := startEngine(p, r.DB, false)
	if err != nil {
		return err
	}
	defer stop()
	p.print("# real files: %s, %s", name, e.name)
	for _, k := range some {
		said, err := exec.CommandContext(p, binary, "import", "--db", e.address, "--kind", k.name, r.file(k)).CombinedOutput()
		if err != nil {
			return fmt.Errorf("import %s: %w\n%s", k.name, err, said)
		}
		p.print("import: %s", strings.TrimSpace(string(said)))
	}
	size, err := sizesOf(p, e)
	if err != nil {
		return err
	}
	p.print("%s", size)
	blocks, err := r.blocks(p, e)
	if err != nil {
		return err
	}
	p.print("%s\n", blocks)
	return nil
}

// blocks seals what was imported, as a server does, and says how large the blocks are.
func (r *real) blocks(p process, e *engine) (string, error) {
	database, err := db.Open(p, e.address)
	if err != nil {
		return "", err
	}
	defer database.Close()
	if err := journal.New(database, journal.Options{}).Seal(system(p)); err != nil {
		return "", err
	}
	return blocksOf(p, e)
}
