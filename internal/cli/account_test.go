package cli_test

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"logbook/internal/auth"
	"logbook/internal/cli"
	"logbook/internal/journal"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.want(0, "7\n", "added user alice, whose id is\n", "user", "add", "--username", "alice", "--id", "7",
		"--role", "viewer", "--alias", "hertz=7", "--alias", "codebird=usr_a=b", "--tenant", "6F1D0C52-3b0e-4c7a-9a51-0d5b1e7c0001")
	m.want(0, "1099511627776\n", "added user bob, whose id is\n", "user", "add", "--username", "bob")
	m.want(1, "", "logbook: the user id 7 or the name \"carol\" is taken\n", "user", "add", "--username", "carol", "--id", "7")
	m.want(1, "", "logbook: the hertz id \"7\" belongs to another user\n", "user", "add", "--username", "carol", "--alias", "hertz=7")
	m.want(0, `ID             USERNAME  ROLE    TENANT                                ALIASES                   STATE
7              alice     viewer  6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0001  codebird=usr_a=b hertz=7  active
1099511627776  bob       user    -                                     -                         active
`, "", "user", "list")

	m.want(1, "", "logbook: there is no user 8\n", "user", "disable", "8")
	m.want(1, "", "logbook: there is no user 8\n", "user", "enable", "8")
	m.want(0, "disabled user 7\n", "", "user", "disable", "7")
	_, first, _ := m.run("user", "list")
	if states := regexp.MustCompile(`(active|disabled 20\S+Z)\n`).FindAllStringSubmatch(first, -1); len(states) != 2 ||
		!strings.HasPrefix(states[0][1], "disabled") || states[1][1] != "active" {
		t.Errorf("of two users the first is not disabled:\n%s", first)
	}
	m.want(0, "disabled user 7\n", "", "user", "disable", "7")
	m.want(0, first, "", "user", "list") // since then, as before
	m.want(0, "enabled user 7\n", "", "user", "enable", "7")
	m.want(0, "enabled user 1099511627776\n", "", "user", "enable", "1099511627776")
	if _, list, _ := m.run("user", "list"); strings.Contains(list, "disabled") {
		t.Errorf("a user is not enabled:\n%s", list)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.run("user", "add", "--username", "alice", "--id", "7")
	code, key, stderr := m.run("token", "add", "--name", "ci", "--role", "ingest", "--user", "7",
		"--permission", "entries:write", "--permission", "audit:write", "--expires", "90d")
	if code != 0 || !regexp.MustCompile(`^lb_[a-z2-7]{26}\n$`).MatchString(key) ||
		stderr != "made access token 1099511627776; this is its key, which is not shown again:\n" {
		t.Errorf("ends with %d, %q, %q", code, key, stderr)
	}
	m.run("token", "add")
	code, list, _ := m.run("token", "list")
	row := regexp.MustCompile(`(?m)^1099511627776  ` + key[:8] + `…  ci    ingest  7     -       entries:write audit:write  20\S+Z  active$`)
	gateway := regexp.MustCompile(`(?m)^1099511627777  lb_\S{5}…  -     -       -     -       -                          never\s+active$`)
	if code != 0 || !row.MatchString(list) || !gateway.MatchString(list) {
		t.Errorf("token list ends with %d:\n%s", code, list)
	}
	if strings.Contains(list, strings.TrimSpace(key)) {
		t.Error("the list shows a key")
	}
	m.want(1, "", "logbook: there is no access token 5\n", "token", "revoke", "5")
	m.want(0, "revoked access token 1099511627776\n", "", "token", "revoke", "1099511627776")
	m.want(0, "revoked access token 1099511627776\n", "", "token", "revoke", "1099511627776")
	if _, list, _ := m.run("token", "list"); !regexp.MustCompile(`(?m)^1099511627776 .* revoked$`).MatchString(list) {
		t.Errorf("it is not revoked:\n%s", list)
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.want(0, "removed 0 by 0 policies\n", "", "retention", "apply")

	file := m.file("a.ndjson", `{"message":"old","timestamp":"2001-01-01T00:00:00Z"}`+"\n"+`{"message":"new"}`)
	m.run("import", "--kind", "entries", file)
	settings := cli.Settings{DB: "sqlite:" + filepath.Join(m.dir, "test.db")}
	store, err := settings.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Journal.CreateRetentionPolicy(auth.System(t.Context(), "test"), journal.RetentionPolicyDraft{Name: "all", Days: 30})
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ command, want string }{
		{"retention apply --dry-run", `^all  30 days  before \S+Z  would remove 1\nwould remove 1 by 1 policies\n$`},
		{"retention apply", `^all  30 days  before \S+Z  removed 1\nremoved 1 by 1 policies\n$`},
		{"retention apply", `^all  30 days  before \S+Z  removed 0\nremoved 0 by 1 policies\n$`},
	} {
		code, out, stderr := m.run(strings.Fields(c.command)...)
		if code != 0 || stderr != "" || !regexp.MustCompile(c.want).MatchString(out) {
			t.Errorf("%s ends with %d, %q, %q", c.command, code, out, stderr)
		}
	}
	if _, out, _ := m.run("export", "--kind", "entries"); !strings.Contains(out, `"new"`) || strings.Count(out, "\n") != 1 {
		t.Errorf("left is %s", out)
	}
}
