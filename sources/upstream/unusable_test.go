//go:build unix

package upstream

import (
	"context"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// odd is an agent that answers as it likes: list and sign are whole messages.
func odd(t *testing.T, list, sign []byte) *Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "odd.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for {
					message, err := wire.ReadFrame(conn)
					if err != nil {
						return
					}
					answer := list
					if wire.Number(message[0]) == wire.NumSignRequest {
						answer = sign
					}
					if wire.WriteFrame(conn, answer) != nil {
						return
					}
				}
			}()
		}
	}()
	s := New(Config{Name: "odd", Path: path, PeerOf: elsewhere})
	t.Cleanup(s.Close)
	<-s.First()
	return s
}

func rsaSigner(t *testing.T) ssh.AlgorithmSigner {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer.(ssh.AlgorithmSigner)
}

func problems(s *Source) string {
	var texts []string
	for _, err := range s.Problems() {
		texts = append(texts, platform.Text(err))
	}
	return strings.Join(texts, "\n")
}

// One odd key takes none of the others, and is named.
func TestOneOddKeyIsNamed(t *testing.T) {
	signer := rsaSigner(t)
	good := wire.Identity{KeyBlob: signer.PublicKey().Marshal(), Comment: "good"}
	for name, test := range map[string]struct {
		key  wire.Identity
		want string
	}{
		"unknown type": {wire.Identity{KeyBlob: ssh.Marshal(struct{ Type, Key string }{"ssh-new@example.com", "x"}), Comment: "new\x1b"},
			`not used: the key "new\x1b", of a type that is not known here (ssh-new@example.com)`},
		"damaged": {wire.Identity{KeyBlob: ssh.Marshal(struct{ Type, Key string }{"ssh-ed25519", "x"}), Comment: "hurt"},
			`not used: the key "hurt", of the type ssh-ed25519, but damaged`},
		"no type": {wire.Identity{KeyBlob: []byte{0, 0}}, "not used: a key without a comment, of no readable type"},
		"too short for OpenSSH": {wire.Identity{KeyBlob: shortRSA(), Comment: "short"},
			`not used: the key "short": an RSA key of 1000 bits`},
	} {
		t.Run(name, func(t *testing.T) {
			s := odd(t, wire.IdentitiesAnswer{Identities: []wire.Identity{test.key, good}}.Marshal(), nil)
			if list := s.List(); len(list) != 1 || list[0].Comment != "good" || s.Err() != nil {
				t.Errorf("%+v, %v", list, s.Err())
			}
			if said := problems(s); !strings.Contains(said, test.want) || !strings.Contains(said, "\nask that agent itself for them: SSH_AUTH_SOCK="+s.config.Path) {
				t.Error(said)
			}
		})
	}
	s := odd(t, wire.IdentitiesAnswer{Identities: []wire.Identity{good}}.Marshal(), nil)
	if said := problems(s); said != "" {
		t.Error("without one: ", said)
	}
}

func shortRSA() []byte {
	n := append([]byte{0, 0x80}, make([]byte, 124)...)
	n[len(n)-1] = 1
	return ssh.Marshal(struct {
		Type string
		E, N []byte
	}{ssh.KeyAlgoRSA, []byte{1, 0, 1}, n})
}

// A comment with NUL would hide every key from OpenSSH's programs.
func TestCommentsAreMadeFitForAList(t *testing.T) {
	key := wire.Identity{KeyBlob: rsaSigner(t).PublicKey().Marshal(), Comment: "a\x00b"}
	s := odd(t, wire.IdentitiesAnswer{Identities: []wire.Identity{key}}.Marshal(), nil)
	if list := s.List(); len(list) != 1 || list[0].Comment != `a\x00b` {
		t.Errorf("%+v", list)
	}
}

func TestTrailingBytes(t *testing.T) {
	signer := rsaSigner(t)
	signature, err := signer.SignWithAlgorithm(rand.Reader, []byte("data"), ssh.KeyAlgoRSASHA512)
	if err != nil {
		t.Fatal(err)
	}
	list := wire.IdentitiesAnswer{Identities: []wire.Identity{{KeyBlob: signer.PublicKey().Marshal(), Comment: "good"}}}.Marshal()
	s := odd(t, append(list, "more"...), append(wire.SignResponse{Signature: ssh.Marshal(signature)}.Marshal(), "more"...))
	if list := s.List(); len(list) != 1 || s.Err() != nil {
		t.Fatalf("%+v, %v", list, s.Err())
	}
	use := &keys.Use{Key: keys.NewInfo(signer.PublicKey(), "")}
	got, err := s.Sign(context.Background(), use, []byte("data"), ssh.KeyAlgoRSASHA512)
	if err != nil || signer.PublicKey().Verify([]byte("data"), got) != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// The refusal names the agent's age, and no fault of the key.
func TestAnAgentThatSignsSHA1(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("it signs with what FIPS 140-3 mode refuses")
	}
	signer := rsaSigner(t)
	use := &keys.Use{Key: keys.NewInfo(signer.PublicKey(), "")}
	list := wire.IdentitiesAnswer{Identities: []wire.Identity{{KeyBlob: signer.PublicKey().Marshal()}}}.Marshal()
	for algorithm, want := range map[string]string{ssh.KeyAlgoRSA: "that agent is too old for RSA keys", ssh.KeyAlgoRSASHA512: ""} {
		signature, err := signer.SignWithAlgorithm(rand.Reader, []byte("data"), algorithm)
		if err != nil {
			t.Fatal(err)
		}
		s := odd(t, list, wire.SignResponse{Signature: ssh.Marshal(signature)}.Marshal())
		_, err = s.Sign(context.Background(), use, []byte("data"), ssh.KeyAlgoRSASHA512)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(problems(s), want)) {
			t.Errorf("%s: %v; %s", algorithm, err, problems(s))
		}
		if _, err := s.Sign(context.Background(), use, []byte("data"), ssh.KeyAlgoRSA); algorithm == ssh.KeyAlgoRSA && err != nil {
			t.Errorf("asked for SHA-1: %v", err)
		}
	}
}
