//go:build linux

package fido

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/wire"
)

// device is the provider of OpenSSH's own tests: a security key in software.
const device = "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so"

// asHelper makes the test binary play an ssh-sk-helper: with "pin" one whose
// device wants the PIN 1234, before the real one; with "old" one of another
// version; with "silent" one that never answers; with "deaf" one that never reads.
const asHelper = "KEYBROKER_TEST_HELPER"

func TestMain(m *testing.M) {
	if as := os.Getenv(asHelper); as != "" {
		playHelper(as)
		return
	}
	goleak.VerifyTestMain(m)
}

// newKey is what ssh-add hands over for a fresh key in the device.
func newKey(t *testing.T, kind string, options ...string) keys.SecurityKey {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	args := append([]string{"-q", "-t", kind, "-w", device, "-N", "", "-C", "mine", "-f", file}, options...)
	if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\ninstall openssh-tests: make deps", err, out)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	cmd := exec.Command("ssh-add", "-q", "-S", device, file)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+filepath.Join(dir, "s"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for {
		message, err := wire.ReadFrame(conn)
		if err != nil {
			t.Fatal(err)
		}
		request, err := wire.ParseRequest(message)
		if err != nil {
			t.Fatal(err)
		}
		if add, ok := request.(wire.AddIdentity); ok {
			_ = wire.WriteFrame(conn, wire.Success.Marshal())
			return keyOf(t, add)
		}
		_ = wire.WriteFrame(conn, wire.Failure.Marshal())
	}
}

func keyOf(t *testing.T, add wire.AddIdentity) keys.SecurityKey {
	t.Helper()
	parts, err := add.SecurityKey()
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.ParsePublicKey(parts.PublicBlob)
	if err != nil {
		t.Fatal(err)
	}
	return keys.SecurityKey{PublicKey: public, Serialized: add.Serialized(), Application: parts.Application, Flags: parts.Flags, Provider: device, Comment: add.Comment}
}

func login(info keys.Info) *keys.Use {
	return &keys.Use{Key: info, Purpose: wire.Purpose{Kind: wire.KindLogin}}
}

var anything = Config{Allowed: "*", Websafe: "ssh:*"}

func TestSecurityKeysSign(t *testing.T) {
	for _, kind := range []string{"ed25519-sk", "ecdsa-sk"} {
		var told []string
		config := anything
		config.Person = keystest.Person{Tell: func(ctx context.Context, n keys.Notice) error {
			told = append(told, n.Title+" "+n.Text)
			<-ctx.Done()
			return nil
		}}
		s := New(config)
		info, err := s.AddSecurityKey(newKey(t, kind))
		if err != nil {
			t.Fatal(err)
		}
		signature, err := s.Sign(t.Context(), login(info), []byte("data"), info.PublicKey.Type())
		if err != nil || info.PublicKey.Verify([]byte("data"), signature) != nil {
			t.Errorf("%s: %v, %v", kind, signature, err)
		}
		if len(told) != 1 || !strings.Contains(told[0], info.Fingerprint) {
			t.Errorf("%s: the person was told %q", kind, told)
		}
		untouched, err := s.AddSecurityKey(newKey(t, kind, "-O", "no-touch-required"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Sign(t.Context(), login(untouched), []byte("data"), info.PublicKey.Type()); err != nil || len(told) != 1 {
			t.Errorf("%s without touch: %v, the person was told %q", kind, err, told)
		}
	}
}

func TestPINIsAskedOnce(t *testing.T) {
	self(t, "pin")
	key := newKey(t, "ed25519-sk")
	for typed, want := range map[string]string{"1234": "", "4321": "PIN is wrong", "": "closed"} {
		asked := 0
		var given []byte
		config := Config{Allowed: "*", Websafe: "ssh:*", Helper: os.Args[0]}
		config.Person = keystest.Asked(func(context.Context, keys.Question) ([]byte, error) {
			asked++
			if given = []byte(typed); typed == "" {
				return nil, errors.New("closed")
			}
			return given, nil
		})
		s := New(config)
		info, err := s.AddSecurityKey(key)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := s.Sign(t.Context(), login(info), []byte("data"), info.PublicKey.Type())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", typed, signature, err)
		}
		if asked != 1 || !bytes.Equal(given, make([]byte, len(given))) {
			t.Errorf("%q: asked %d times, and left %q", typed, asked, given)
		}
	}
	s := New(Config{Allowed: "*", Helper: os.Args[0]})
	info, _ := s.AddSecurityKey(key)
	if _, err := s.Sign(t.Context(), login(info), nil, ""); !errors.Is(err, errPIN) {
		t.Errorf("nobody to ask: %v", err)
	}
}

func TestPersonCanRefuseTheTouch(t *testing.T) {
	self(t, "silent")
	config := Config{Allowed: "*", Helper: os.Args[0]}
	config.Person = keystest.Person{Tell: func(context.Context, keys.Notice) error { return keys.ErrRefused }}
	s := New(config)
	info, err := s.AddSecurityKey(newKey(t, "ed25519-sk"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign(t.Context(), login(info), nil, ""); !errors.Is(err, keys.ErrRefused) {
		t.Error(err)
	}
}

// A helper that never answers is ended, and so is the request, which has no limit of its own.
func TestSilentHelperIsEnded(t *testing.T) {
	self(t, "silent")
	s := New(Config{Allowed: "*", Helper: os.Args[0]})
	s.limit = time.Second
	info, err := s.AddSecurityKey(newKey(t, "ed25519-sk"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign(context.Background(), login(info), nil, ""); !errors.Is(err, errTimeout) {
		t.Error(err)
	}
	self(t, "deaf") // it does not even read
	const moreThanASocketHolds = 8 << 20
	if _, err := s.Sign(context.Background(), login(info), make([]byte, moreThanASocketHolds), ""); !errors.Is(err, errTimeout) {
		t.Error(err)
	}
}

// Twice each: what is refused, and the same without the rule.
func TestKeyOfAWebSiteSignsSSHMessagesOnly(t *testing.T) {
	web := newKey(t, "ed25519-sk", "-O", "application=ssh:site") // OpenSSH makes none without "ssh:"
	for _, test := range []struct {
		kind    wire.Kind
		websafe string
		want    bool
	}{
		{wire.KindUnknown, "web:*", false}, {wire.KindUnknown, "ssh:s*", true}, {wire.KindUnknown, "*", true},
		{wire.KindUnknown, "*,!ssh:*", false}, {wire.KindLogin, "web:*", true}, {wire.KindSSHSig, "web:*", true}, {"", "web:*", false},
	} {
		s := New(Config{Allowed: "*", Websafe: test.websafe})
		info, err := s.AddSecurityKey(web)
		if err != nil {
			t.Fatal(err)
		}
		use := login(info)
		use.Purpose.Kind = test.kind
		_, err = s.Sign(t.Context(), use, []byte("data"), info.PublicKey.Type())
		if (err == nil) != test.want || err != nil && !strings.Contains(err.Error(), "signs only SSH messages") {
			t.Errorf("%q with %q: %v", test.kind, test.websafe, err)
		}
	}
}

func TestOnlyAllowedProvidersAreUsed(t *testing.T) {
	key := newKey(t, "ed25519-sk")
	for allowed, want := range map[string]string{"/usr/lib*/*": "", "/opt/*": "is not one of those allowed"} {
		if _, err := New(Config{Allowed: allowed}).AddSecurityKey(key); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", allowed, err)
		}
	}
	key.Provider = "Internal"
	if _, err := New(Config{}).AddSecurityKey(key); err != nil {
		t.Error(err)
	}
	key.Provider = "sk.so"
	if _, err := New(anything).AddSecurityKey(key); err == nil || !strings.Contains(err.Error(), "absolute path") {
		t.Error(err)
	}
}

func TestHelperThatDoesNotFitIsTold(t *testing.T) {
	key := newKey(t, "ed25519-sk")
	for as, want := range map[string]string{"old": "version 4 of its protocol, not 5", "gone": "/nowhere/helper"} {
		s := New(anything)
		if as == "gone" {
			s.config.Helper = "/nowhere/helper"
		} else {
			self(t, as)
			s.config.Helper = os.Args[0]
		}
		info, err := s.AddSecurityKey(key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Sign(t.Context(), login(info), nil, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", as, err)
		}
	}
}

func TestKeysComeAndGo(t *testing.T) {
	s := New(anything)
	first, second := newKey(t, "ed25519-sk"), newKey(t, "ed25519-sk")
	second.Lifetime = time.Nanosecond
	info, err := s.AddSecurityKey(first)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := s.AddSecurityKey(second)
	if err != nil {
		t.Fatal(err)
	}
	first.Comment = "again"
	if _, err := s.AddSecurityKey(first); err != nil || len(s.List()) != 1 || s.List()[0].Comment != "again" {
		t.Errorf("%v, %+v", err, s.List())
	}
	if _, err := s.Sign(t.Context(), login(gone), nil, ""); !errors.Is(err, keys.ErrNotFound) {
		t.Errorf("after its life: %v", err)
	}
	if err := s.Remove(info.Blob); err != nil || len(s.List()) != 0 || !errors.Is(s.Remove(info.Blob), keys.ErrNotFound) {
		t.Errorf("%v, %v", err, s.List())
	}
}

func self(t *testing.T, as string) {
	t.Helper()
	t.Setenv(asHelper, as)
}

func playHelper(as string) {
	if as == "deaf" {
		time.Sleep(time.Hour)
	}
	request, _ := io.ReadAll(os.Stdin)
	answer := func(version byte, fields ...uint32) {
		b := []byte{version}
		for _, field := range fields {
			b = binary.BigEndian.AppendUint32(b, field)
		}
		_, _ = os.Stdout.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	}
	switch as {
	case "old":
		answer(4, helperError, 1)
	case "silent":
		time.Sleep(time.Hour)
	case "pin":
		pin, given := bytes.CutPrefix(request[len(request)-8:], []byte{0, 0, 0, 4})
		if !given || string(pin) != "1234" {
			answer(helperVersion, helperError, codeWrongPIN)
			return
		}
		cmd := exec.Command("/usr/lib/openssh/ssh-sk-helper")
		cmd.Stdin, cmd.Stdout = bytes.NewReader(request), os.Stdout
		if cmd.Run() != nil {
			os.Exit(1)
		}
	}
}
