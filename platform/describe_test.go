package platform

import (
	"strings"
	"testing"
	"unicode/utf8"
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

func TestShortCommand(t *testing.T) {
	for _, test := range []struct {
		process Process
		want    string
	}{
		{Process{Args: []string{"/usr/bin/git", "commit", "-m", "a message"}}, "git commit -m 'a message'"},
		{Process{Args: []string{"-zsh"}}, "-zsh"},
		{Process{Args: []string{"ssh", "", "it's"}}, `ssh '' 'it'\''s'`},
		{Process{Args: []string{"ssh", "\x1b[2K\nx"}}, `ssh \x1b[2K\x0ax`},
		{Process{Args: []string{"ssh", strings.Repeat("o", 100), "host"}}, "ssh oooooooooooooooo…oooooooooooooo host"},
		{Process{Name: "hidden"}, "hidden"},
		{Process{Name: "nameless", Args: []string{"", "x"}}, "nameless"},
	} {
		got := test.process.ShortCommand(40)
		if got != test.want || utf8.RuneCountInString(got) > 40 {
			t.Errorf("%q: got %q; want %q", test.process.Args, got, test.want)
		}
	}
}
