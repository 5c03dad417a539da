package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"logbook/internal/db"
)

// Version is the command "version". It opens no database.
type Version struct{}

// Run prints the version, commit, Go and engine that the program was built from.
func (c *Version) Run(p *Process) error {
	version, commit := Build()
	fmt.Fprintf(p.Stdout, "logbook %s\ncommit  %s\ngo      %s %s/%s\nengine  %s\n",
		version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH, db.Embedded())
	return nil
}

// Build gives the version and the commit that the program was built from:
// "(devel)" and "unknown" where the build does not say.
func Build() (version, commit string) {
	version, commit = "(devel)", "unknown"
	if build, ok := debug.ReadBuildInfo(); ok {
		if build.Main.Version != "" {
			version = build.Main.Version
		}
		changed := ""
		for _, setting := range build.Settings {
			switch {
			case setting.Key == "vcs.revision":
				commit = setting.Value
			case setting.Key == "vcs.modified" && setting.Value == "true":
				changed = " with changes"
			}
		}
		commit += changed
	}
	return version, commit
}
