package clientconfig

import (
	"errors"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/problem"
)

const config = `# mine
IdentityFile ~/.ssh/all

Host web1
  IdentityFile ~/.ssh/id_old # for web1
  IdentitiesOnly yes
Host web2 web3
	IdentityFile=~/.ssh/id_old
Host *.corp !secret.corp
  IdentityFile "~/.ssh/id_old"
Match host web4
  IdentityFile ~/.ssh/id_old
Host web4
  User deploy
Host web5
  IdentityFile "~/.ssh/id_old"
`

func old(value string) bool { return value == "~/.ssh/id_old" }

// withoutMatch is config without its Match block, which may apply to every host.
var withoutMatch = strings.Replace(config, "Match host web4\n  IdentityFile ~/.ssh/id_old\n", "", 1)

func TestSSHChangesTheBlockOfOneHost(t *testing.T) {
	for host, want := range map[string][2]string{
		"web1": {"  IdentityFile ~/.ssh/id_old # for web1\n", "  IdentityFile ~/.ssh/new # for web1\n"},
		"web5": {"Host web5\n  IdentityFile \"~/.ssh/id_old\"\n", "Host web5\n  IdentityFile ~/.ssh/new\n"},
	} {
		got, edits, err := SSH(config, host, "~/.ssh/new", old)
		if err != nil || len(edits) != 1 {
			t.Fatalf("%s: %v, %v", host, edits, err)
		}
		if want := strings.Replace(config, want[0], want[1], 1); got != want {
			t.Errorf("%s:\n%s", host, got)
		}
	}
}

func TestSSHExplainsWhatIsShared(t *testing.T) {
	for host, place := range map[string]string{"web2": "line 8, in Host web2 web3", "a.corp": "line 10, in Host *.corp !secret.corp", "web4": "line 12, in Match host web4"} {
		_, _, err := SSH(config, host, "~/.ssh/new", old)
		if err == nil || !strings.Contains(err.Error(), place) || problem.Remedy(err) == "" {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, _, err := SSH("IdentityFile ~/.ssh/id_old\nHost a\n", "a", "~/.ssh/new", old); err == nil || !strings.Contains(err.Error(), "the part for all hosts") {
		t.Error(err)
	}
}

func TestSSHLeavesOtherHosts(t *testing.T) {
	for _, host := range []string{"web4", "secret.corp", "web11", "elsewhere"} {
		if _, _, err := SSH(withoutMatch, host, "~/.ssh/new", old); !errors.Is(err, ErrUnused) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// Patterns that another program wrote take no time that grows with the number of stars.
func TestManyStars(t *testing.T) {
	config := "Host " + strings.Repeat("*a", 50) + "b\nIdentityFile ~/.ssh/id_old\n"
	if _, _, err := SSH(config, strings.Repeat("a", 5000), "~/.ssh/new", old); !errors.Is(err, ErrUnused) {
		t.Error(err)
	}
	if _, _, err := SSH(config, strings.Repeat("a", 5000)+"b", "~/.ssh/new", old); err == nil || errors.Is(err, ErrUnused) {
		t.Errorf("the pattern fits: %v", err)
	}
}

func TestReplaceValue(t *testing.T) {
	for raw, want := range map[string]string{
		"IdentityFile a\n":           "IdentityFile b\n",
		"\tidentityfile = a\r\n":     "\tidentityfile = b\r\n",
		"IdentityFile=\"a c\"  # x":  "IdentityFile=b  # x",
		"IdentityFile\t'a'":          "IdentityFile\tb",
		"  IdentityFile a   # why\n": "  IdentityFile b   # why\n",
	} {
		if got := replaceValue(raw, "b"); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
	if got := replaceValue("IdentityFile a", "b c"); got != `IdentityFile "b c"` {
		t.Error(got)
	}
}

func TestIncludes(t *testing.T) {
	if !Includes("Host a\n  include ~/.ssh/more\n") || Includes("# Include x\nHost Include\n") {
		t.Error("wrong")
	}
}

// FuzzSSH: whatever the file is, only lines that hold the key change.
func FuzzSSH(f *testing.F) {
	f.Add(config, "web1")
	f.Add("Host x\nIdentityFile\nIdentityFile \"", "x")
	f.Add("Host x\nIdentityFile=\"~/.ssh/id_old\"\r\n", "x")
	f.Fuzz(func(t *testing.T, text, host string) {
		got, edits, err := SSH(text, host, "~/.ssh/new", old)
		if err != nil {
			return
		}
		before, after := strings.Split(text, "\n"), strings.Split(got, "\n")
		if len(before) != len(after) {
			t.Fatalf("%d lines became %d", len(before), len(after))
		}
		changed := 0
		for i := range before {
			if before[i] != after[i] {
				changed++
			}
		}
		if changed != len(edits) {
			t.Errorf("%d lines changed, %d said", changed, len(edits))
		}
	})
}
