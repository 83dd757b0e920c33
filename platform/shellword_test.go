package platform

import (
	"os/exec"
	"testing"
)

// A real shell reads each word back as it was.
func TestShellWord(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	for _, text := range []string{"", "/home/anna/.ssh/id_ed25519", "My Key.pem", "a'b", `a"b\`, "$(id)", "`id`", "a;b", "a&b", "~root", "*", "#a", "a\nb", "é", "-n", "A=b", "!x", "{a,b}"} {
		out, err := exec.Command(sh, "-c", "printf %s "+ShellWord(text)).Output()
		if err != nil || string(out) != text {
			t.Errorf("%q became %q: %v", text, out, err)
		}
	}
	if got := ShellWord("/a/b-c_1.pub"); got != "/a/b-c_1.pub" {
		t.Errorf("%s needs no quotes", got)
	}
}
