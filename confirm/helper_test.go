package confirm

import (
	"crypto/ed25519"
	"crypto/sha256"
	"os/user"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/agent/wire"
	"github.com/keybroker/keybroker/platform"
)

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
