//go:build unix

package service

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each agent is found by what it leaves on the disk, and no longer after its remedy.
func TestHolders(t *testing.T) {
	t.Setenv("GNUPGHOME", "")
	put := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	enable := func(dir, unit string) {
		t.Helper()
		put(filepath.Join(dir, unit), "[Socket]\n")
		put(filepath.Join(dir, "sockets.target.wants", unit), "[Socket]\n")
	}
	for name, test := range map[string]struct {
		make, mend func(p Place)
		takeOver   bool
	}{
		"gcr-ssh-agent (GNOME)": {
			func(p Place) { enable(p.Root+"/usr/lib/systemd/user", "gcr-ssh-agent.socket") },
			func(p Place) {
				os.MkdirAll(p.ownUnits(), 0o700)
				os.Symlink(os.DevNull, filepath.Join(p.ownUnits(), "gcr-ssh-agent.socket"))
			}, true},
		"ssh-agent (OpenSSH)": { // the person's own unit
			func(p Place) { enable(p.ownUnits(), "ssh-agent.service") },
			func(p Place) {
				os.Remove(filepath.Join(p.ownUnits(), "sockets.target.wants", "ssh-agent.service"))
			}, false},
		"gnome-keyring": {
			func(p Place) { put(p.Root+"/etc/xdg/autostart/"+keyringFile, "[Desktop Entry]\n") },
			func(p Place) { put(filepath.Join(p.Config, "autostart", keyringFile), hidden) }, true},
		"gpg-agent": {
			func(p Place) {
				put(filepath.Join(p.Home, ".gnupg/gpg-agent.conf"), "ttyname x\n enable-ssh-support \n")
			},
			func(p Place) { put(filepath.Join(p.Home, ".gnupg/gpg-agent.conf"), "# enable-ssh-support\n") }, true},
		"gpg-agent ": { // taken over; an X session is not reached by that
			func(p Place) {
				put(filepath.Join(p.Home, ".gnupg/gpg-agent.conf"), "enable-ssh-support\n")
				put(filepath.Join(p.ownUnits(), socketUnit+".d", "take-over.conf"), takeOverText)
				put(p.Root+gpgXsession, "")
			},
			func(p Place) { os.Remove(p.Root + gpgXsession) }, false},
		"mine.conf": {
			func(p Place) { put(filepath.Join(p.Config, "environment.d/mine.conf"), "SSH_AUTH_SOCK=/x\n") },
			func(p Place) { put(filepath.Join(p.Config, "environment.d/mine.conf"), "#SSH_AUTH_SOCK=/x\n") }, false},
		"1Password": {
			func(p Place) {
				put(filepath.Join(p.Home, ".ssh/config"), "Host *\n\tIdentityAgent \"~/.1password/agent.sock\"\n")
			},
			func(p Place) { put(filepath.Join(p.Home, ".ssh/config"), "Host *\n\tIdentityAgent SSH_AUTH_SOCK\n") }, false},
		"Secretive": {
			func(p Place) {
				put(filepath.Join(p.Home, ".ssh/config"), "identityagent=/x/com.maxgoedjen.secretive.SecretAgent/socket.ssh\n")
			},
			func(p Place) { put(filepath.Join(p.Home, ".ssh/config"), "#identityagent=/x/secretive\n") }, false},
	} {
		p := somewhere(t)
		if list := p.desktopHolders(); len(list) != 0 {
			t.Errorf("%s: there is none, and it finds %+v", name, list)
		}
		test.make(p)
		list := p.desktopHolders()
		if len(list) != 1 || list[0].Name != strings.TrimSpace(name) || list[0].Remedy == "" || list[0].CanTakeOver() != test.takeOver {
			t.Errorf("%s: found %+v", name, list)
		}
		test.mend(p)
		if list := p.desktopHolders(); len(list) != 0 {
			t.Errorf("%s: after its remedy: %+v", name, list)
		}
	}
}

// What another program put in a file's place since the person saw the plan is not
// overwritten, and the manifest is no way to delete a file that was not written.
func TestOnlyOwnFiles(t *testing.T) {
	p := somewhere(t)
	c := Change{Kind: File, Path: filepath.Join(p.Home, "file"), Text: "ours\n"}
	step, err := stepFor(c, nil)
	if err != nil || step.Action != Create {
		t.Fatal(step, err)
	}
	if err := os.WriteFile(c.Path, []byte("theirs\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := step.carryOut(); err == nil {
		t.Error("it was overwritten")
	}
	if _, err := stepFor(c, nil); err == nil {
		t.Error("a file of others is no fault")
	}
	back, err := stepBack(c)
	if err != nil || back.Action != Leave {
		t.Errorf("uninstall: %v, %v", back.Action, err)
	}
	if err := os.WriteFile(c.Path, []byte(c.Text), 0o600); err != nil {
		t.Fatal(err)
	}
	if back, err := stepBack(c); err != nil || back.Action != Remove {
		t.Errorf("uninstall of ours: %v, %v", back.Action, err)
	}
	if err := os.Remove(c.Path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("elsewhere", c.Path); err != nil {
		t.Fatal(err)
	}
	if _, err := stepFor(c, nil); err == nil {
		t.Error("a link is no fault")
	}
	if back, err := stepBack(c); err != nil || back.Action != Leave {
		t.Errorf("uninstall of a link: %v, %v", back.Action, err)
	}
}
