//go:build unix

package service

import (
	"encoding/json"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// prepared writes a manifest as another program of the person could.
func prepared(t *testing.T, place Place, m Manifest) {
	t.Helper()
	m.Format, m.Options.Start = manifestFormat, Autostart
	data, err := json.Marshal(m)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(place.Manifest()), 0o700)
	}
	if err == nil {
		err = os.WriteFile(place.Manifest(), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A prepared manifest calls a file a directory, and has a path that moves the cursor.
func TestAPreparedManifestRemovesNoFile(t *testing.T) {
	place := somewhere(t)
	key, made := filepath.Join(place.Home, "id_ed25519"), filepath.Join(place.Home, "made")
	if err := os.WriteFile(key, []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(made, 0o700); err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(place.Home, "\x1b[2J")
	if err := os.WriteFile(changed, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	prepared(t, place, Manifest{Folders: []string{key, made}, Changes: []Change{{Kind: File, Path: changed, Text: "x"}, {Kind: File, Path: key, Text: "not this"}}})
	plan, err := Uninstall(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	plan.Show(&shown, true)
	if strings.ContainsRune(shown.String(), 0x1b) || !strings.Contains(shown.String(), `\x1b[2J`) {
		t.Errorf("shown: %q", shown.String())
	}
	if err := plan.Apply(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(key); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(made); !os.IsNotExist(err) {
		t.Errorf("an empty directory stays: %v", err)
	}
}

// A manifest counts only where nobody else could have put it.
func TestAManifestInADirectoryOfOthers(t *testing.T) {
	place := somewhere(t)
	prepared(t, place, Manifest{})
	if _, err := Uninstall(t.Context(), place); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(place.Manifest()), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Uninstall(t.Context(), place); err == nil || !strings.Contains(err.Error(), "may be written by others") {
		t.Error(err)
	}
}

// What runs as an account gets nothing that root has in variables.
func TestAccountsGetNoVariablesOfRoots(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Environ()
	t.Cleanup(func() {
		os.Clearenv()
		for _, line := range before {
			name, value, _ := strings.Cut(line, "=")
			_ = os.Setenv(name, value)
		}
	})
	for _, name := range []string{"CLOUD_TOKEN", "SSH_AUTH_SOCK", "LD_PRELOAD"} {
		t.Setenv(name, "/nowhere")
	}
	t.Setenv("TZ", "UTC")
	if err := (Account{Name: me.Username}).TakeEnvironment(); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(os.Environ(), "\n")
	if strings.Contains(got, "/nowhere") || os.Getenv("TZ") != "UTC" || os.Getenv("HOME") != me.HomeDir || os.Getenv("XDG_STATE_HOME") != "/var/lib/keybroker/"+me.Username {
		t.Errorf("the environment is %s", got)
	}
}
