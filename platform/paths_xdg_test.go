//go:build unix && !darwin

package platform

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func setXDG(t *testing.T, home, config, data, state, runtime string) {
	t.Helper()
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": config, "XDG_DATA_HOME": data, "XDG_STATE_HOME": state, "XDG_RUNTIME_DIR": runtime,
	} {
		t.Setenv(name, value)
	}
}

func mustPaths(t *testing.T) Paths {
	t.Helper()
	paths, err := DefaultPaths()
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// withoutRuntimeDir is where the sockets go when XDG_RUNTIME_DIR is no help.
func withoutRuntimeDir(state string) string {
	if dir := "/run/user/" + strconv.Itoa(os.Getuid()); onlyWeWrite(dir) {
		return dir + "/keybroker"
	}
	return state + "/keybroker/run"
}

func TestPathsFromXDG(t *testing.T) {
	run := privateTemp(t)
	setXDG(t, "", "/c", "/d", "/s", run)
	want := Paths{
		AgentSocket: run + "/keybroker/agent.sock", ControlSocket: run + "/keybroker/control.sock",
		ConfigFile: "/c/keybroker/config.toml", MachinePolicy: "/etc/keybroker/policy.toml",
		DataDir: "/d/keybroker", StateDir: "/s/keybroker", RuntimeDir: run + "/keybroker",
	}
	if got := mustPaths(t); got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

func TestPathsWithoutXDG(t *testing.T) {
	for name, value := range map[string]string{"unset": "", "relative": "some/dir"} {
		setXDG(t, "/h", value, value, value, value)
		run := withoutRuntimeDir("/h/.local/state")
		want := Paths{
			AgentSocket: run + "/agent.sock", ControlSocket: run + "/control.sock",
			ConfigFile: "/h/.config/keybroker/config.toml", MachinePolicy: "/etc/keybroker/policy.toml",
			DataDir: "/h/.local/share/keybroker", StateDir: "/h/.local/state/keybroker", RuntimeDir: run,
		}
		if got := mustPaths(t); got != want {
			t.Errorf("%s: got %+v; want %+v", name, got, want)
		}
	}
}

func TestPathsNeedHome(t *testing.T) {
	for _, home := range []string{"", "relative"} {
		setXDG(t, home, "/c", "/d", "", "")
		if _, err := DefaultPaths(); err == nil || !strings.Contains(Text(err), "set HOME") {
			t.Errorf("HOME=%q: %v", home, err)
		}
	}
}

// A runtime directory that somebody else could fill is as good as none.
func TestPathsDistrustRuntimeDir(t *testing.T) {
	dir := privateTemp(t)
	state := privateTemp(t)
	setXDG(t, "", "/c", "/d", state, dir)
	check := func(what, want string) {
		t.Helper()
		if got := mustPaths(t).RuntimeDir; got != want {
			t.Errorf("%s: %s; want %s", what, got, want)
		}
	}
	good, fallback := dir+"/keybroker", withoutRuntimeDir(state)
	check("our own", good)
	os.Chmod(dir, 0o755)
	check("readable", good)
	for _, mode := range []os.FileMode{0o777 | os.ModeSticky, 0o770} {
		os.Chmod(dir, mode)
		check("writable", fallback)
	}
	os.Chmod(dir, 0o700)
	check("repaired", good)
	if os.Getuid() == 0 {
		os.Chown(dir, 65534, 65534)
		check("foreign", fallback)
		os.Chown(dir, 0, 0)
	}
	os.Remove(dir)
	check("missing", fallback)
}

// What DefaultPaths names, Listen can serve, with nothing there before.
func TestPathsServe(t *testing.T) {
	home := privateTemp(t)
	setXDG(t, home, "", "", "", home)
	mustListen(t, mustPaths(t).AgentSocket)
	mustListen(t, mustPaths(t).ControlSocket)
	if _, err := os.Stat(filepath.Join(home, "keybroker", "agent.sock")); err != nil {
		t.Error(err)
	}
}
