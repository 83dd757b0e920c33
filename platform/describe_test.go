package platform

import (
	"strings"
	"testing"
)

func chainOf(names ...string) Peer {
	peer := Peer{User: "1000", Identified: true, Process: Process{Name: names[0]}}
	for _, name := range names[1:] {
		peer.Parents = append(peer.Parents, Process{Name: name})
	}
	return peer
}

func TestChain(t *testing.T) {
	for want, peer := range map[string]Peer{
		"ssh ← git ← zsh ← code": chainOf("ssh", "git", "zsh", "code"),
		"ssh":                    chainOf("ssh"),
		`evil\x0a\u202e ← zsh`:   chainOf("evil\n\u202e", "zsh"),
		`ssh \u2190 git ← evil`:  chainOf("ssh ← git", "evil"),
		"unknown program":        {User: "1000"},
		strings.Repeat("a", 20) + "…" + strings.Repeat("b", 19): chainOf(strings.Repeat("a", 500) + strings.Repeat("b", 500)),
	} {
		if got := peer.Chain(); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

func FuzzChain(f *testing.F) {
	f.Add("ssh ← git", "zsh")
	f.Add("\x1b←", "")
	f.Fuzz(func(t *testing.T, child, parent string) {
		if got := chainOf(child, parent).Chain(); strings.Count(got, "←") != 1 || Escape(got, 1000) != got {
			t.Errorf("%q", got)
		}
	})
}

// Of a command line only the sub-command is shown, and only a plain word.
func TestCommands(t *testing.T) {
	for line, want := range map[string]string{
		"git push origin": "git push",
		"git -C /srv -c http.extraHeader=SECRET fetch x": "git fetch",
		"git cherry-pick": "git cherry-pick",
		"git -c":          "git",
		"git":             "git",
		"git SECRET":      "git",
		"git x\x1b[2K":    "git",
		"git averyveryverylongwordwithoutmeaning": "git",
		"docker --password secret login":          "docker",
		"mysql secret":                            "mysql",
		"ssh box":                                 "ssh",
	} {
		args := strings.Split(line, " ")
		peer := Peer{Identified: true, Process: Process{Name: "ssh"}, Parents: []Process{{Name: args[0], Args: args}}}
		if got := peer.Commands(); got != "ssh ← "+want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
		if got := peer.Chain(); got != "ssh ← "+args[0] {
			t.Errorf("%q: the chain is %q", line, got)
		}
	}
	if got := (Peer{Identified: true, Process: Process{Name: "git"}}).Commands(); got != "git" {
		t.Errorf("without arguments: %q", got)
	}
}
