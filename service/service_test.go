//go:build unix

package service

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/platform"
)

var update = flag.Bool("update", false, "write the golden files")

// somewhere is a place in a directory of the test.
func somewhere(t *testing.T) Place {
	t.Helper()
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(home, ".config")
	return Place{
		Paths: platform.Paths{AgentSocket: "/s/keybroker/agent.sock", ConfigFile: filepath.Join(config, "keybroker/config.toml"), DataDir: filepath.Join(home, ".local/share/keybroker"), StateDir: filepath.Join(home, ".local/state/keybroker"), RuntimeDir: "/s/keybroker"},
		Home:  home, Config: config, Program: "/opt/keybroker", Desktop: "/opt/keybroker-desktop", Version: "1", Shell: "bash", UID: 1000, Runtime: "/run/user/1000", Root: filepath.Join(dir, "root"),
	}
}

// What is written on each system, to the byte. -update writes the files anew.
func TestGolden(t *testing.T) {
	for name, test := range map[string]struct {
		options Options
		edit    func(*Place)
	}{
		"systemd":   {Options{Start: Systemd}, func(p *Place) { p.Shell = "zsh" }},
		"take-over": {Options{Start: Systemd, TakeOver: true, OverForwarded: true}, func(p *Place) { p.Shell = "fish" }},
		"autostart": {Options{Start: Autostart, NoShell: true}, func(p *Place) { p.Program = `/opt/a "b" $c %d \e/keybroker` }},
		"quoted":    {Options{Start: Systemd, NoShell: true}, func(p *Place) { p.Program = `/opt/a "b" $c %d \e/keybroker` }},
		"launchd":   {Options{Start: Launchd}, func(p *Place) { p.Program, p.Shell = "/Users/a & b/keybroker", "zsh" }},
		"logon": {Options{Start: Logon}, func(p *Place) {
			p.Desktop, p.Paths.AgentSocket = `C:\a b\keybroker-desktop.exe`, `\\.\pipe\openssh-ssh-agent`
		}},
		"logon-bare": {Options{Start: Logon}, func(p *Place) { p.Program, p.Desktop = `C:\a b\keybroker.exe`, "" }},
	} {
		place := somewhere(t)
		test.edit(&place)
		var text strings.Builder
		for _, c := range place.wanted(test.options) {
			text.WriteString("== " + string(c.Kind) + " " + c.Path + "\n" + strings.TrimSuffix(c.Text, "\n") + "\n")
		}
		got := strings.ReplaceAll(text.String(), place.Home, "HOME")
		path := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, _ := os.ReadFile(path)
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestBlocks(t *testing.T) {
	for _, whole := range []string{"", "a\n", "a", "a\r\n", "\n\n"} {
		with := putBlock(whole, "x\n")
		text, there, err := findBlock(with)
		if err != nil || !there || text != "x\n" {
			t.Errorf("%q: found %q, %v, %v", whole, text, there, err)
		}
		if again := putBlock(with, "y\n"); again != strings.Replace(with, "x\n", "y\n", 1) {
			t.Errorf("%q: replaced: %q", whole, again)
		}
		if back := cutBlock(with, openEnded(whole)); back != whole {
			t.Errorf("%q came back as %q", whole, back)
		}
		if back := cutBlock(with+"later\n", openEnded(whole)); !strings.HasSuffix(back, "later\n") || strings.Contains(back, "keybroker") {
			t.Errorf("%q with a later line came back as %q", whole, back)
		}
	}
	for _, broken := range []string{blockBegin, blockEnd, blockEnd + blockBegin, blockBegin + blockEnd + blockBegin + blockEnd} {
		if _, _, err := findBlock(broken); err == nil || !strings.Contains(err.Error(), "not in order") {
			t.Errorf("%q: %v", broken, err)
		}
	}
}
