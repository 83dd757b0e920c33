package confirm

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"os/user"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// patience bounds every wait for a program; no test asserts a time.
const patience = 20 * time.Second

// login is a login to a host that proved its key.
func login(t testing.TB) Question {
	t.Helper()
	pub, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public())
	if err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	key := keys.NewInfo(pub, "anna@laptop")
	key.Name = "work"
	return Question{
		Remember: 15 * time.Minute,
		Why:      "no rule matches",
		Use: &keys.Use{
			ID: "k3f9", Op: keys.OpSign, Key: key,
			Peer: platform.Peer{
				User:       me.Uid,
				Process:    platform.Process{PID: 4711, Start: 99, Name: "ssh", Executable: "/usr/bin/ssh", Args: []string{"ssh", "git@github.com", "git-upload-pack 'a/b.git'"}},
				Parents:    []platform.Process{{PID: 4700, Start: 90, Name: "git"}, {PID: 4600, Start: 80, Name: "zsh"}, {PID: 4500, Start: 70, Name: "code"}},
				Terminal:   "pts/3",
				Foreground: true,
				Attended:   true,
				Identified: true,
			},
			Purpose:     wire.Purpose{Kind: wire.KindLogin, User: "git"},
			Destination: keys.Destination{Trust: keys.TrustVerified, Host: keys.Host{Fingerprint: "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", Names: []string{"github.com", "140.82.121.4"}}},
			Digest:      sha256.Sum256([]byte("data")),
			Time:        time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
		},
	}
}

// ask starts a question and returns where its answer comes.
func ask(t *testing.T, p Prompter, q Question) <-chan Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	answer := make(chan Answer, 1)
	go func() {
		defer cancel()
		a, err := p.Ask(ctx, q)
		if err != nil {
			a = Answer{Reason: err.Error()}
		}
		answer <- a
	}()
	return answer
}

// check compares an answer, or for the verdict "" an error.
func check(t *testing.T, a Answer, err error, verdict Verdict, reason string) {
	t.Helper()
	if a.Verdict != verdict {
		t.Errorf("verdict %q (%v), want %q", a.Verdict, err, verdict)
	}
	got := a.Reason
	if err != nil {
		got = err.Error()
	}
	if !strings.Contains(got, reason) {
		t.Errorf("reason %q, want %q", got, reason)
	}
}
