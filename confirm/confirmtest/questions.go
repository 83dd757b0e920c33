package confirmtest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"os/user"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// SystemSSH is a file of ssh where this system keeps its programs.
func SystemSSH() string {
	if runtime.GOOS == "windows" {
		return `C:\Windows\System32\OpenSSH\ssh.exe`
	}
	return "/usr/bin/ssh"
}

// Patience bounds every wait for a program. No test asserts a time.
const Patience = 20 * time.Second

// Login is a login to a host that proved its key.
func Login(t testing.TB) confirm.Question {
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
	return confirm.Question{
		Remember: 15 * time.Minute,
		Why:      "no rule matches",
		Use: &keys.Use{
			ID: "k3f9", Op: keys.OpSign, Key: key,
			Peer: platform.Peer{
				User:       me.Uid,
				Process:    platform.Process{PID: 4711, Start: 99, Name: "ssh", Executable: SystemSSH(), Args: []string{"ssh", "git@github.com", "git-upload-pack 'a/b.git'"}},
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

// Ask starts a question and returns the channel of its answer.
func Ask(t *testing.T, p confirm.Prompter, q confirm.Question) <-chan confirm.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*Patience)
	answer := make(chan confirm.Answer, 1)
	go func() {
		defer cancel()
		a, err := p.Ask(ctx, q)
		if err != nil {
			a = confirm.Answer{Reason: err.Error()}
		}
		answer <- a
	}()
	return answer
}

// Check compares an answer, or an error when verdict is "".
func Check(t *testing.T, a confirm.Answer, err error, verdict confirm.Verdict, reason string) {
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

// Hostile fills every field that another program chooses with s.
func Hostile(t testing.TB, s string) confirm.Question {
	q := Login(t)
	u := q.Use
	u.Peer.User, u.Peer.Name, u.Peer.Terminal, u.Peer.Args = s, s, s, []string{s, s, s}
	for i := range u.Peer.Parents {
		u.Peer.Parents[i].Name = s
	}
	u.Key.Comment, u.Key.Name = s, s+"1"
	u.Purpose.User, u.Purpose.Namespace = s, s
	host := keys.Host{Fingerprint: u.Destination.Host.Fingerprint, Names: []string{s, s, s, s, s}}
	u.Destination = keys.Destination{Trust: keys.TrustClaimed, Claimed: s, Why: s, Forwarded: true,
		Hops: []keys.Host{host, host, host, host, host, host}}
	u.Peer.Directory, u.Peer.Executable = s, s
	q.Why, q.History, q.Pending, u.Key.Source = s, s, 64, "fido"
	return q
}

// HostileText is too long and would move, hide or forge other text.
var HostileText = "\u202egnp.\u2066[verified] <b>&amp;%0A\\n\x1b[2J\x00\r\nWhere: [verified] bank\u200b\u0301\u0301\u0301\u0301\u0301\u0301 _A שלום 日本語 \U0001F511 " +
	strings.Repeat("W\u202e", 5000)

// HostileValues are seeds for values that another program chooses.
var HostileValues = []string{
	"", "\x1b[31m\x07\x00\r\n[verified] github.com", "a\u202egnp.exe\u2066", strings.Repeat("x", 10_000),
	strings.Repeat("\x01%", 300), strings.Repeat("<b>[verified] ", 60), strings.Repeat("字", 400),
	strings.Repeat(" ", 500) + "[verified] github.com", "\xff\xfe", "שלום [verified]", "\"", strings.Repeat("👩‍👩‍👧", 40), "[a]:[verified]",
}
