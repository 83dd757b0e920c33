//go:build linux

package platform

import (
	"strings"
	"testing"
)

func TestOutside(t *testing.T) {
	for path, want := range map[string]bool{
		"/usr/bin/ssh": false, "/usr/bin/ssh (deleted)": false, "/usr/local/bin/ssh": false, "/bin/sh": false, "/opt/code/code": false, "": false,
		"/tmp/ssh": true, "/home/anna/usr/bin/ssh": true, "/usrbin/ssh": true, "/tmp/usr/bin/ssh": true, "/dev/shm/ssh": true, "/memfd:ssh (deleted)": true,
	} {
		p := Peer{Process: Process{Name: "ssh", Executable: path}, Identified: true}
		if p.Outside() != want || (p.OutsideFile() == path) != want && path != "" {
			t.Errorf("%s: %v, %q", path, p.Outside(), p.OutsideFile())
		}
		if chain := p.Chain(); want == (chain == "ssh") {
			t.Errorf("%s: %s", path, chain)
		}
	}
	p := Peer{Process: Process{Name: "ssh", Executable: "/usr/bin/ssh"}, Identified: true, Shares: Shares{OwnMounts: true}}
	if p.OutsideFile() != "/usr/bin/ssh" {
		t.Error("a path among mounts of its own is taken for the system's")
	}
	p.Executable = "/tmp/" + strings.Repeat("x", 300) + "/usr/bin/ssh"
	p.Parents = []Process{{Name: "zsh", Executable: "/usr/bin/zsh"}}
	if chain := p.Chain(); !strings.HasPrefix(chain, "/tmp/xx") || !strings.HasSuffix(chain, "/ssh ← zsh") || len(chain) > 100 {
		t.Errorf("%s", chain)
	}
}
