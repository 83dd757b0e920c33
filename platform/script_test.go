package platform

import (
	"strings"
	"testing"
)

// Of an interpreter's arguments only the name of its file is shown.
func TestScript(t *testing.T) {
	for _, test := range []struct{ name, args, want string }{
		{"python3.11", "/usr/bin/python3 /usr/bin/parallel-ssh -p 30", "parallel-ssh"},
		{"python3", "python3 -sP -u deploy.py --password hunter2", "deploy.py"},
		{"python3", "python3 -c import_secret deploy.py", ""},
		{"python3", "python3 -W ignore deploy.py", ""},
		{"python3", "python3 -m http.server", ""},
		{"python3", "python3", ""},
		{"python3", "python3 -", ""},
		{"python3", "python3 --token hunter2", ""},
		{"bash", "bash -e ./fleet.sh", "fleet.sh"},
		{"bash", "bash -c hunter2", ""},
		{"bash", "-bash", ""},
		{"bash", "bash /dev/fd/63", ""},
		{"bash", "bash /proc/self/fd/3", ""},
		{"node", "node app/index.js", "index.js"},
		{"node", "node -e hunter2", ""},
		{"java", "java -Dpassword=hunter2 -jar /opt/tool/tool-1.2.jar -p x", "tool-1.2.jar"},
		{"java", "java Main -jar x.jar", ""},
		{"java", "java -cp hunter2 Main", ""},
		{"java", "java -jar", ""},
		{"python3", "python3 …/\x1b[31m", ""},
		{"python3", "python3 dir/..", ""},
		{"python3", "python3 /", ""},
		{"python3", "python3 " + strings.Repeat("x", 41), ""},
		{"ssh", "ssh host", ""},
		{"pythonista", "pythonista deploy.py", ""},
	} {
		if got := (Process{Name: test.name, Args: strings.Fields(test.args)}).Script(); got != test.want {
			t.Errorf("%s: %q, want %q", test.args, got, test.want)
		}
	}
}

func TestTitle(t *testing.T) {
	for _, test := range []struct {
		p    Process
		want string
	}{
		{Process{Name: "git", Args: []string{"git", "-c", "x", "rebase", "y"}}, "git rebase"},
		{Process{Name: "python3.11", Args: []string{"python3", "/usr/bin/ansible", "all"}}, "python3.11 ansible"},
		{Process{Name: "bad\x1b", Args: []string{"x"}}, `bad\x1b`},
	} {
		if got := test.p.Title(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
