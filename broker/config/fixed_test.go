//go:build linux

package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// configOf reads both files as the broker does.
func configOf(t *testing.T, owner, user string) (Config, error) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can write the machine owner's file")
	}
	dir := t.TempDir()
	paths := platform.Paths{ConfigFile: filepath.Join(dir, "config.toml"), MachinePolicy: filepath.Join(dir, "policy.toml")}
	for path, text := range map[string]string{paths.ConfigFile: user, paths.MachinePolicy: owner} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Read(paths, true)
}

// What the owner fixes, the user's file can only narrow: of each setting something
// wider is not taken, something narrower is, and nothing means the owner's.
func TestWhatTheOwnerFixes(t *testing.T) {
	for _, test := range []struct {
		path, table, owner, wider, narrower string // narrower "": there is nothing that is
	}{
		{"agent.forwarded_changes", "agent", "forwarded_changes = false", "forwarded_changes = true", ""},
		{"softkeys.seal", "softkeys", `seal = "keychain"`, `seal = "passphrase"`, ""},
		{"confirm.prompt", "confirm", `prompt = "window"`, `prompt = "askpass"`, `prompt = "none"`},
		{"confirm.prompt", "confirm", `prompt = "auto"`, `prompt = "askpass"`, `prompt = "none"`},
		{"confirm.window", "confirm", `prompt = "window"`, `window = "/tmp/mine"`, ""},
		{"confirm.pinentry", "confirm", `pinentry = "/usr/bin/pinentry-qt"`, `pinentry = "/tmp/mine"`, ""},
		{"confirm.timeout", "confirm", `timeout = "30s"`, `timeout = "31s"`, `timeout = "29s"`},
		{"confirm.remember", "confirm", `remember = "0s"`, `remember = "1m"`, ""},
		{"confirm.remember", "confirm", `remember = "5m"`, `remember = "1h"`, `remember = "0s"`},
		{"confirm.background", "confirm", `background = "quiet"`, `background = "ask"`, `background = "refuse"`},
		{"piv.enabled", "piv", "enabled = false", "enabled = true", ""},
		{"piv.enabled", "piv", "enabled = true", "", "enabled = false"},
		{"piv.pin_cache", "piv", `pin_cache = "1m"`, `pin_cache = "2m"`, `pin_cache = "0s"`},
		{"piv.unlock_gives_pin", "piv", "unlock_gives_pin = false", "unlock_gives_pin = true", ""},
		{"pkcs11.providers", "pkcs11", `providers = "/usr/lib/a.so,/usr/lib/b*,!/usr/lib/bad.so"`, `providers = "/usr/lib/a.so"`, `providers = "/usr/lib/a.so,!/usr/lib/bad.so,!/usr/lib/x"`},
		{"pkcs11.providers", "pkcs11", `providers = "/usr/lib/a.so"`, `providers = "/usr/lib/*"`, ""},
		{"pkcs11.remote", "pkcs11", "remote = false", "remote = true", ""},
		{"fido.websafe", "fido", `websafe = "ssh:*"`, `websafe = "*"`, ""},
		{"audit.durability", "audit", `durability = "process"`, "", `durability = "power"`},
		{"audit.durability", "audit", `durability = "power"`, `durability = "process"`, ""},
		{"session.lock", "session", `lock = ["secrets"]`, `lock = ["grants"]`, `lock = ["grants", "secrets"]`},
		{"session.suspend", "session", `suspend = ["secrets"]`, `suspend = []`, `suspend = ["grants", "secrets"]`},
		{"session.end", "session", `end = ["secrets"]`, `end = []`, `end = ["grants", "secrets"]`},
		{"lifecycle.approvals", "lifecycle", `approvals = 2`, `approvals = 1`, `approvals = 3`},
		{"lifecycle.approvers", "lifecycle", `approvers = "/etc/keybroker/approvers"`, `approvers = "/home/me/approvers"`, ""},
		{"lifecycle.approve", "lifecycle", `approve = ["rotate", "provision"]`, `approve = ["rotate"]`, `approve = ["provision", "rotate", "terminate"]`},
		{"lifecycle.elsewhere", "lifecycle", `elsewhere = false`, `elsewhere = true`, ""},
		{"lifecycle.require", "lifecycle", `require = ["owner", "expires"]`, `require = ["owner"]`, `require = ["expires", "ticket", "owner"]`},
	} {
		table := "[" + test.table + "]\n"
		find := func(user string) Fixed {
			t.Helper()
			c, err := configOf(t, table+test.owner, user)
			if err != nil {
				t.Fatalf("%s, %s: %v", test.owner, user, err)
			}
			i := slices.IndexFunc(c.Fixed, func(f Fixed) bool { return f.Setting == test.path })
			if i < 0 {
				t.Fatalf("%s: %s is not fixed: %+v", test.owner, test.path, c.Fixed)
			}
			return c.Fixed[i]
		}
		if f := find(""); f.Value != f.Owner || f.NotTaken != "" || !strings.HasSuffix(f.By, "policy.toml") {
			t.Errorf("%s, and nothing: %+v", test.owner, f)
		}
		if test.wider != "" {
			if f := find(table + test.wider); f.Value != f.Owner || f.NotTaken == "" {
				t.Errorf("%s, and wider %s: %+v", test.owner, test.wider, f)
			}
		}
		if test.narrower != "" {
			if f := find(table + test.narrower); f.Value == f.Owner || f.NotTaken != "" {
				t.Errorf("%s, and narrower %s: %+v", test.owner, test.narrower, f)
			}
		}
	}
}

// Every setting that can be fixed is in the test above, and takes effect.
func TestTheOwnersValueIsTheOneInForce(t *testing.T) {
	c, err := configOf(t, "[confirm]\nprompt = \"window\"\nremember = \"1m\"\n[limits]\nallow = false\nask_first = \"forwarded\"\nremember = \"2m\"\n[[piv.rule]]\nslot = \"9a\"\naction = \"hide\"\n",
		"[confirm]\nprompt = \"askpass\"\nwindow = \"/tmp/mine\"\nremember = \"10m\"\n[[piv.rule]]\nslot = \"9a\"\naction = \"show\"\n[[rule]]\naction = \"allow\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Confirm.Prompt != "window" || c.Confirm.Window != "" || c.Confirm.Remember != time.Minute || c.PIV.Rules[0].Action != "hide" || len(c.PIV.Rules) != 2 {
		t.Errorf("%+v %+v", c.Confirm, c.PIV)
	}
	use := &keys.Use{Op: keys.OpSign, Key: keys.Info{Name: "work", Blob: []byte("key")}, Destination: keys.Destination{Trust: keys.TrustNone},
		Peer:    platform.Peer{Identified: true, Process: platform.Process{Executable: "/usr/bin/ssh-keygen", Name: "ssh-keygen"}},
		Purpose: wire.Purpose{Kind: wire.KindSSHSig, Namespace: "git"}}
	if d := c.PolicyRules().Decide(use); d.Action != policy.Ask || !strings.Contains(d.Why, "machine's owner") {
		t.Errorf("%+v", d)
	}
}

// Whoever may write the directory can take the owner's file away.
func TestTheOwnersDirectory(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make a directory of root's")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "policy.toml")
	if _, err := ReadMachine(path); err != nil {
		t.Errorf("an empty directory of root's: %v", err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadMachine(path); err == nil || !strings.Contains(err.Error(), "the directory "+dir+": others may write it (mode 0777)") {
		t.Errorf("an open directory: %v", err)
	}
	if _, err := ReadMachine(filepath.Join(dir, "none", "policy.toml")); err != nil {
		t.Errorf("no directory: %v", err)
	}
}

func TestErrorsInTheOwnersFile(t *testing.T) {
	for text, want := range map[string]string{
		"[tray]\nnotify = []":                            "policy.toml:2:1: tray.notify is the user's choice: the machine's owner cannot fix it",
		"[[socket]]\nname = \"a\"":                       "policy.toml:1:1: socket is the user's choice",
		"[confirm]\nprompt = \"popup\"":                  `policy.toml:2:1: "popup" is not known`,
		"[limits]\nask_first = \"sometimes\"":            `policy.toml:2:1: "sometimes" is not known: use "forwarded" or "all"`,
		"[limits]\nremember = \"48h\"":                   "policy.toml:2:1: 48h is not between 0s and 24h",
		"[limits]\nallowed = true":                       `policy.toml:2:1: unknown field "allowed" in [limits]; did you mean "allow"?`,
		"[[rule]]\naction = \"alow\"":                    `policy.toml:2:1: unknown action "alow"`,
		"[[rule]]\nsocket = \"ai\"\naction = \"refuse\"": "",
	} {
		_, err := configOf(t, text, "")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(platform.Text(err), "ask the machine's owner")) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
