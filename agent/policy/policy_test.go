package policy

import (
	"crypto/ed25519"
	"github.com/BurntSushi/toml"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

const defaultRemember = 5 * time.Minute

func testKey(t testing.TB, name string) keys.Info {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	pub, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(seed).Public())
	if err != nil {
		t.Fatal(err)
	}
	info := keys.NewInfo(pub, "comment of "+name)
	info.Name = name
	return info
}

// login is a local login with the key "work" by /usr/bin/ssh to
// git@git.example.com, verified, with the changes.
func login(t testing.TB, changes ...func(*keys.Use)) *keys.Use {
	u := &keys.Use{
		ID: "u1",
		Op: keys.OpSign,
		Peer: platform.Peer{
			User:       "1000",
			Process:    platform.Process{PID: 42, Name: "ssh", Executable: "/usr/bin/ssh"},
			Identified: true,
		},
		Key:     testKey(t, "work"),
		Purpose: wire.Purpose{Kind: wire.KindLogin, User: "git", Method: "publickey"},
		Destination: keys.Destination{
			Trust: keys.TrustVerified,
			Host:  keys.Host{Fingerprint: "SHA256:gitexample", Names: []string{"git.example.com", "192.0.2.1"}},
		},
		Time: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	}
	for _, change := range changes {
		change(u)
	}
	return u
}

func forwarded(u *keys.Use) { u.Destination.Forwarded = true }
func unverified(u *keys.Use) {
	u.Destination = keys.Destination{Trust: keys.TrustNone, Why: "no session-bind"}
}
func claimed(u *keys.Use) {
	u.Destination = keys.Destination{Trust: keys.TrustClaimed, Claimed: "git.example.com"}
}
func nameless(u *keys.Use)     { u.Destination.Trust, u.Destination.Host.Names = keys.TrustNew, nil }
func unidentified(u *keys.Use) { u.Peer = platform.Peer{User: "1000"} }
func confirm(u *keys.Use)      { u.Key.Confirm = true }
func unknownData(u *keys.Use)  { u.Purpose = wire.Purpose{Kind: wire.KindUnknown, Why: "not a login"} }
func listing(u *keys.Use)      { u.Op, u.Purpose = keys.OpList, wire.Purpose{} }
func sshsig(namespace string) func(*keys.Use) {
	return func(u *keys.Use) {
		u.Purpose = wire.Purpose{Kind: wire.KindSSHSig, Namespace: namespace}
		u.Destination = keys.Destination{Trust: keys.TrustNone}
	}
}
func host(names ...string) func(*keys.Use) {
	return func(u *keys.Use) { u.Destination.Host.Names = names }
}
func program(exe string) func(*keys.Use) {
	return func(u *keys.Use) {
		u.Peer.Executable, u.Peer.Name = exe, exe[strings.LastIndex(exe, "/")+1:]
	}
}
func account(name string) func(*keys.Use) { return func(u *keys.Use) { u.Purpose.User = name } }

// rulesOf parses text, so that the tests use rules as people write them.
func rulesOf(t testing.TB, text string) *Rules {
	t.Helper()
	return New(nil, rulesIn(t, text), Options{DefaultRemember: defaultRemember})
}

func rulesIn(t testing.TB, text string) []Rule {
	t.Helper()
	var document struct {
		Rules []Rule `toml:"rule"`
	}
	if _, err := toml.Decode(text, &document); err != nil {
		t.Fatal(err)
	}
	for i := range document.Rules {
		if err := document.Rules[i].Validate(); err != nil {
			t.Fatal(err)
		}
	}
	return document.Rules
}
