package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// skDevice is a security key in software: it signs as PROTOCOL.u2f says.
type skDevice struct {
	public ssh.PublicKey
	sign   func(message []byte) []byte
}

func skDevices(t *testing.T) map[string]skDevice {
	t.Helper()
	edPublic, edPrivate, err1 := ed25519.GenerateKey(rand.Reader)
	ec, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ecPublic, err3 := ec.PublicKey.Bytes()
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			t.Fatal(err)
		}
	}
	parse := func(blob []byte) ssh.PublicKey {
		key, err := ssh.ParsePublicKey(blob)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	return map[string]skDevice{
		"ed25519": {parse(ssh.Marshal(struct {
			Type        string
			A           []byte
			Application string
		}{ssh.KeyAlgoSKED25519, edPublic, "ssh:"})), func(m []byte) []byte { return ed25519.Sign(edPrivate, m) }},
		"ecdsa": {parse(ssh.Marshal(struct {
			Type, Curve string
			Q           []byte
			Application string
		}{ssh.KeyAlgoSKECDSA256, "nistp256", ecPublic, "ssh:"})), func(m []byte) []byte {
			digest := sha256.Sum256(m)
			r, s, err := ecdsa.Sign(rand.Reader, ec, digest[:])
			if err != nil {
				t.Fatal(err)
			}
			return ssh.Marshal(struct{ R, S *big.Int }{r, s})
		}},
	}
}

func (d skDevice) signature(data []byte, flags byte) *ssh.Signature {
	app, message := sha256.Sum256([]byte("ssh:")), sha256.Sum256(data)
	rest := binary.BigEndian.AppendUint32([]byte{flags}, 7)
	return &ssh.Signature{Format: d.public.Type(), Blob: d.sign(slices.Concat(app[:], rest, message[:])), Rest: rest}
}

func TestSecurityKeySignaturesAreVerified(t *testing.T) {
	for name, device := range skDevices(t) {
		for _, flags := range []byte{0, keys.FlagUserPresence, 5} {
			signature := device.signature([]byte("data"), flags)
			if err := verify(device.public, []byte("data"), signature, device.public.Type()); err != nil {
				t.Errorf("%s, flags %d: %v", name, flags, err)
			}
			if flags == keys.FlagUserPresence && device.public.Verify([]byte("data"), signature) != nil {
				t.Errorf("%s: x/crypto takes it for bad", name)
			}
			for what, change := range map[string]func(*ssh.Signature){
				"does not verify": func(s *ssh.Signature) { s.Rest = append([]byte{flags ^ 4}, s.Rest[1:]...) },
				"has not the form": func(s *ssh.Signature) {
					s.Rest = s.Rest[:4]
				},
				"verify": func(s *ssh.Signature) { s.Blob = nil },
			} {
				bad := *signature
				change(&bad)
				if err := verify(device.public, []byte("data"), &bad, device.public.Type()); err == nil || !strings.Contains(err.Error(), what) {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
	}
}

// skSource takes every security key.
type skSource struct {
	*softkeys.Memory
	added []keys.SecurityKey
}

func (s *skSource) AddSecurityKey(key keys.SecurityKey) (keys.Info, error) {
	s.added = append(s.added, key)
	return keys.NewInfo(key.PublicKey, key.Comment), nil
}

func (s *skSource) AddToken(context.Context, keys.Token) ([]keys.Info, error) {
	return []keys.Info{{Comment: "on the token"}}, nil
}
func (s *skSource) RemoveToken(string) error { return nil }

func addOf(device skDevice, constraints ...wire.Constraint) wire.AddIdentity {
	var parts struct{ Type, A, Application string }
	_ = ssh.Unmarshal(device.public.Marshal(), &parts)
	private := ssh.Marshal(struct {
		A, Application string
		Flags          byte
		Handle         string
		Reserved       string
	}{parts.A, parts.Application, 1, "handle", ""})
	return wire.AddIdentity{KeyType: ssh.KeyAlgoSKED25519, Private: private, Constrained: len(constraints) > 0, Constraints: constraints}
}

func provider(path string) wire.Constraint {
	return wire.Constraint{Type: wire.ConstrainExtension, Name: wire.ExtSKProvider, Contents: ssh.Marshal(struct{ P string }{path})}
}

// A library is refused on a connection that serves a remote host, and taken on
// another one; a key without a library is taken on both.
func TestRemoteHostNamesNoLibrary(t *testing.T) {
	device := skDevices(t)["ed25519"]
	token := wire.AddSmartcardKey{ReaderID: "/usr/lib/p11.so"}
	for _, remote := range []bool{false, true} {
		source := &skSource{Memory: softkeys.NewMemory(softkeys.Clock{})}
		r := newRigWith(t, func(c *Config) {
			c.Ring, c.ForwardedChanges, c.RemoteProviders = keys.NewRing(source), true, remote
		})
		local, bound, failed := r.connect(), r.connect(), r.connect()
		bound.ask(newHost(t).bind("s", false))
		failed.ask(wire.Extension{Name: wire.ExtSessionBind, Contents: []byte("x")})
		for name, test := range map[string]struct {
			c       *client
			request wire.Request
			want    bool
		}{
			"local":           {local, addOf(device, provider("/usr/lib/sk.so")), true},
			"local token":     {local, token, true},
			"internal":        {bound, addOf(device, provider("internal")), true},
			"none":            {bound, addOf(device), true},
			"bound":           {bound, addOf(device, provider("/usr/lib/sk.so")), remote},
			"bound token":     {bound, token, remote},
			"not bound":       {failed, addOf(device, provider("/usr/lib/sk.so")), remote},
			"not bound token": {failed, token, remote},
		} {
			if reply := test.c.ask(test.request); (reply == wire.Success) != test.want {
				t.Errorf("remote %v: %s: %#v: %+v", remote, name, reply, r.last())
			}
		}
		refused := 0
		for _, record := range r.records(keys.OpAdd) {
			if strings.Contains(record.Reason, "serves a remote host") {
				refused++
			}
		}
		if want := 4; !remote && refused != want || remote && refused != 0 {
			t.Errorf("remote %v: %d refused for that", remote, refused)
		}
	}
}

func TestSecurityKeyThatDoesNotFitItsCertificateIsRefused(t *testing.T) {
	source := &skSource{Memory: softkeys.NewMemory(softkeys.Clock{})}
	r := newRigWith(t, func(c *Config) { c.Ring = keys.NewRing(source) })
	devices := []skDevice{skDevices(t)["ed25519"], skDevices(t)["ed25519"]}
	cert := &ssh.Certificate{Key: devices[0].public, CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, newHost(t).signer); err != nil {
		t.Fatal(err)
	}
	for i, device := range devices {
		add := addOf(device)
		add.KeyType = "sk-ssh-ed25519-cert-v01@openssh.com"
		add.Private = append(ssh.Marshal(struct{ Certificate []byte }{cert.Marshal()}), add.Private...)
		reply := r.connect().ask(add)
		if good := i == 0; (reply == wire.Success) != good || !good && !strings.Contains(r.last().Reason, "certificate is for another key") {
			t.Errorf("%d: %#v: %+v", i, reply, r.last())
		}
	}
	if len(source.added) != 1 || source.added[0].Provider != keys.InternalProvider || source.added[0].Application != "ssh:" || source.added[0].Flags != 1 {
		t.Errorf("%+v", source.added)
	}
}
