package cli

import (
	"os/exec"
	"testing"
)

// A real shell reads each value back as it was.
func TestSetVariable(t *testing.T) {
	for shell, show := range map[string]string{"sh": "\nprintf %s \"$SOCK\"", "csh": "\nprintf %s \"$SOCK\"", "fish": "\nprintf %s $SOCK"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		for _, value := range []string{"/run/user/1000/keybroker/agent.sock", "/a b/$(id)/`id`", `it's "here"`, `C:\Users\a'b`, "a;b&c"} {
			out, err := exec.Command(path, "-c", SetVariable(shell, "SOCK", value)+show).Output()
			if err != nil || string(out) != value {
				t.Errorf("%s: %q became %q: %v", shell, value, out, err)
			}
		}
	}
}

func TestPowerShellLine(t *testing.T) {
	if got, want := SetVariable("powershell", "SOCK", `\\.\pipe\it's`), `$env:SOCK = '\\.\pipe\it''s'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
