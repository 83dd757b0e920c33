//go:build unix

package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/keybroker/keybroker/platform"
)

// The test compares with "ssh -G": what ssh looks up in known_hosts, or may.
func TestNamesByConfiguration(t *testing.T) {
	for _, test := range []struct {
		name, config, command string
		want, not             []string
	}{
		{"HostName and Port", "Host work\n  HostName localhost\n  Port 2222\n", "ssh work", []string{"work", "localhost", "[localhost]:2222"}, nil},
		{"another host", "Host work\n  HostName localhost\n", "ssh home", []string{"home"}, []string{"localhost"}},
		{"HostKeyAlias", "Host *\nHostKeyAlias=\"it\"\n", "ssh work", []string{"it"}, nil},
		{"the typed port", "Host work\nHostName real\n", "ssh -p 2200 work", []string{"[real]:2200"}, nil},
		{"tokens", "Host *\n HostName %h.example\n", "ssh git", []string{"git.example"}, nil},
		{"negated", "Host * !git\n HostName a\n", "ssh git", nil, []string{"a"}},
		{"the first counts", "HostName a\nHostName b\n", "ssh git", []string{"a"}, []string{"b"}},
		{"unless it may not apply", "Match exec \"touch RAN\"\n HostName a\nMatch all\n HostName b\n", "ssh git", []string{"a", "b"}, nil},
		{"Match host", "Match originalhost other exec true\n HostName a\n", "ssh git", nil, []string{"a"}},
		{"Match !host", "Match !host git\n HostName a\nMatch host git\n HostName b", "ssh git", []string{"b"}, []string{"a"}},
		{"Include", "Host git\nInclude more.*\n", "ssh git", []string{"included"}, nil},
		{"Include elsewhere", "Host other\nInclude more.*\n", "ssh git", nil, []string{"included"}},
		{"a circle", "Include config\nHostName a\n", "ssh git", []string{"a"}, nil},
		{"no ssh", "HostName a\n", "scp git", nil, []string{"git", "a"}},
	} {
		dir := t.TempDir()
		ran := filepath.Join(dir, "ran")
		for name, text := range map[string]string{"config": strings.ReplaceAll(test.config, "RAN", ran), "more.conf": "Host *\nHostName included\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := syscall.Mkfifo(filepath.Join(dir, "more.fifo"), 0o600); err != nil {
			t.Fatal(err)
		}
		args := strings.Fields(test.command)
		c := claimedHost(platform.Peer{Process: platform.Process{Name: args[0], Args: args}})
		got := c.candidates(NewSSHConfig(ConfigFile{Path: filepath.Join(dir, "config"), Dir: dir}))
		for _, name := range test.want {
			if !slices.Contains(got, name) {
				t.Errorf("%s: no %q in %q", test.name, name, got)
			}
		}
		for _, name := range test.not {
			if slices.Contains(got, name) {
				t.Errorf("%s: %q in %q", test.name, name, got)
			}
		}
		if _, err := os.Stat(ran); err == nil {
			t.Errorf("%s: a command of the configuration was run", test.name)
		}
	}
}
