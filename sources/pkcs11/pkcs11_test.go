//go:build linux

package pkcs11

import (
	"bytes"
	"context"
	"crypto/fips140"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
)

// asHelper makes the test binary play the ssh-pkcs11-helper of OpenSSH 10.1,
// which Debian 12 does not have. Its value is the file of the private key.
const asHelper = "KEYBROKER_TEST_HELPER"

// alsoListed names files of public keys that this helper lists besides.
const alsoListed = "KEYBROKER_TEST_ALSO_LISTED"

func TestMain(m *testing.M) {
	if file := os.Getenv(asHelper); file != "" {
		playHelper(file)
		return
	}
	goleak.VerifyTestMain(m)
}

const softHSM = "/usr/lib/softhsm/libsofthsm2.so"

// token is a fresh SoftHSM token with an RSA and an EC key, PIN 1234. It
// returns the library, at a path of its own.
func token(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("SOFTHSM2_CONF", filepath.Join(dir, "conf"))
	if err := os.Mkdir(filepath.Join(dir, "tokens"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte("directories.tokendir = "+dir+"/tokens\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "softhsm2-util", "--init-token", "--free", "--label", "test", "--pin", "1234", "--so-pin", "12345678")
	for id, kind := range map[string]string{"01": "rsa:2048", "02": "EC:secp384r1"} {
		run(t, "pkcs11-tool", "--module", softHSM, "--login", "--pin", "1234", "--keypairgen", "--key-type", kind, "--id", id, "--label", "key "+id)
	}
	return library(t, "one")
}

// library is a copy of SoftHSM under a name of its own: another provider.
func library(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(softHSM)
	if err != nil {
		t.Fatalf("%v\ninstall softhsm2: make deps", err)
	}
	path := filepath.Join(t.TempDir(), name+".so")
	if err := os.WriteFile(path, data, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func newSource(t *testing.T, config Config) *Source {
	t.Helper()
	if config.Allowed == "" {
		config.Allowed = "*"
	}
	s := New(config)
	t.Cleanup(s.Close)
	return s
}

func pin() []byte { return []byte("1234") }

// signs checks a signature by each algorithm of the key.
func signs(t *testing.T, s *Source, info keys.Info) {
	t.Helper()
	plain := info.PublicKey
	if cert, ok := plain.(*ssh.Certificate); ok {
		plain = cert.Key
	}
	algorithms := []string{plain.Type()}
	if plain.Type() == ssh.KeyAlgoRSA {
		algorithms = append(algorithms, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512)
	}
	for _, algorithm := range algorithms {
		signature, err := s.Sign(t.Context(), &keys.Use{Key: info}, []byte("data"), algorithm)
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
		} else if err := plain.Verify([]byte("data"), signature); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

func TestTokenKeysSignAndGo(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("it signs with what FIPS 140-3 mode refuses")
	}
	path := token(t)
	s := newSource(t, Config{})
	infos, err := s.AddToken(t.Context(), keys.Token{Provider: path, PIN: pin(), Limits: keys.Limits{Confirm: true}})
	if err != nil || len(infos) != 2 {
		t.Fatalf("%v, %v", infos, err)
	}
	for _, info := range infos {
		if !info.Confirm || info.Source != "pkcs11" || !strings.HasPrefix(info.Comment, "key 0") {
			t.Errorf("%+v", info)
		}
		if found, ok := s.Find(info.Blob); !ok || found.Comment != info.Comment {
			t.Errorf("%+v, %v", found, ok)
		}
		signs(t, s, info)
	}
	if _, err := s.AddToken(t.Context(), keys.Token{Provider: path, PIN: pin()}); err == nil || !strings.Contains(err.Error(), "is loaded already") {
		t.Errorf("loaded twice: %v", err)
	}
	if err := s.Remove(infos[0].Blob); err != nil || len(s.List()) != 1 {
		t.Errorf("%v, %v", err, s.List())
	}
	if _, err := s.Sign(t.Context(), &keys.Use{Key: infos[0]}, nil, infos[0].PublicKey.Type()); !errors.Is(err, keys.ErrNotFound) {
		t.Errorf("a key that was removed: %v", err)
	}
	if err := s.RemoveToken(path); err != nil || len(s.List()) != 0 {
		t.Errorf("%v, %v", err, s.List())
	}
	if err := s.RemoveToken(path); !errors.Is(err, keys.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := s.AddToken(t.Context(), keys.Token{Provider: path, PIN: pin()}); err != nil {
		t.Errorf("loaded again: %v", err)
	}
}

// A library whose file was deleted is forgotten by the name that it was loaded by.
func TestADeletedLibraryIsForgotten(t *testing.T) {
	real := token(t)
	for _, by := range []string{"link", "path"} {
		dir := t.TempDir()
		path, link := filepath.Join(dir, "copy.so"), filepath.Join(dir, "link.so")
		library, err := os.ReadFile(real)
		if err == nil {
			err = os.WriteFile(path, library, 0o700)
		}
		if err == nil {
			err = os.Symlink(path, link)
		}
		if err != nil {
			t.Fatal(err)
		}
		s := newSource(t, Config{Allowed: dir + "/*"})
		if _, err := s.AddToken(t.Context(), keys.Token{Provider: link, PIN: pin()}); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := s.RemoveToken(filepath.Join(dir, "other.so")); err == nil || !strings.Contains(platform.Text(err), "no such file") || len(s.List()) == 0 {
			t.Errorf("another library that is not there: %v, %d keys", err, len(s.List()))
		}
		if err := s.RemoveToken(map[string]string{"link": link, "path": path}[by]); err != nil || len(s.List()) != 0 {
			t.Errorf("by its %s: %v, %v", by, err, s.List())
		}
	}
}

func TestWrongPINAndNoLibraryLoadNothing(t *testing.T) {
	path := token(t)
	s := newSource(t, Config{})
	for name, token := range map[string]keys.Token{
		"gives no keys":  {Provider: path, PIN: []byte("4321")},
		"absolute path":  {Provider: "one.so", PIN: pin()},
		"no such file":   {Provider: path + ".gone", PIN: pin()},
		"check the PIN ": {Provider: "/etc/passwd", PIN: pin()},
	} {
		if infos, err := s.AddToken(t.Context(), token); err == nil || !strings.Contains(platform.Text(err), name) {
			t.Errorf("%s: %v, %v", name, infos, err)
		}
	}
	if len(s.List()) != 0 {
		t.Errorf("%v", s.List())
	}
}

func TestOnlyAllowedProvidersAreLoaded(t *testing.T) {
	path := token(t)
	link := filepath.Join(t.TempDir(), "link.so")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for allowed, good := range map[string]bool{path: true, filepath.Dir(path) + "/*": true, link: false, "/usr/lib*/*": false, "*,!" + path: false} {
		s := newSource(t, Config{Allowed: allowed})
		_, err := s.AddToken(t.Context(), keys.Token{Provider: link, PIN: pin()})
		if (err == nil) != good || !good && !strings.Contains(err.Error(), "is not one of those allowed") {
			t.Errorf("%s: %v", allowed, err)
		}
	}
}

func TestCertificatesStandBesideTheirKeys(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("it signs with what FIPS 140-3 mode refuses")
	}
	path := token(t)
	s := newSource(t, Config{})
	infos, err := s.AddToken(t.Context(), keys.Token{Provider: path, PIN: pin()})
	if err != nil {
		t.Fatal(err)
	}
	cert := certify(t, infos[0].PublicKey)
	for only, want := range map[bool]int{false: 3, true: 1} {
		if err := s.RemoveToken(path); err != nil {
			t.Fatal(err)
		}
		infos, err := s.AddToken(t.Context(), keys.Token{Provider: path, PIN: pin(), Certificates: []ssh.PublicKey{cert}, CertificatesOnly: only})
		if err != nil || len(infos) != want {
			t.Fatalf("%v, %v", infos, err)
		}
		for _, info := range infos {
			signs(t, s, info)
		}
	}
	_ = s.RemoveToken(path)
	stranger, _ := ssh.NewPublicKey(newKey(t).Public())
	if _, err := s.AddToken(t.Context(), keys.Token{Provider: path, PIN: pin(), Certificates: []ssh.PublicKey{certify(t, stranger)}, CertificatesOnly: true}); err == nil || !strings.Contains(err.Error(), "no key of the token can be used: the certificate \"\" (ssh-ed25519-cert-v01@openssh.com), which is for none of its keys") {
		t.Errorf("%v", err)
	}
}

func TestHelperThatDiesTakesOnlyItsOwnKeys(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("it signs with what FIPS 140-3 mode refuses")
	}
	one := token(t)
	two := library(t, "two")
	s := newSource(t, Config{})
	for _, path := range []string{one, two} {
		if _, err := s.AddToken(t.Context(), keys.Token{Provider: path, PIN: pin()}); err != nil {
			t.Fatal(err)
		}
	}
	s.mu.Lock()
	dying := s.findLocked(one)
	s.mu.Unlock()
	if err := dying.helper.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return len(s.List()) == 2 })
	signs(t, s, s.List()[0])
	if _, err := s.AddToken(t.Context(), keys.Token{Provider: one, PIN: pin()}); err != nil || len(s.List()) != 4 {
		t.Errorf("%v, %v", err, s.List())
	}
}

func TestLifetimeEndsTheToken(t *testing.T) {
	path := token(t)
	s := newSource(t, Config{})
	infos, err := s.AddToken(t.Context(), keys.Token{Provider: path, PIN: pin(), Limits: keys.Limits{Lifetime: time.Second}})
	if err != nil || infos[0].Expires.IsZero() {
		t.Fatalf("%v, %v", infos, err)
	}
	await(t, func() bool { return len(s.List()) == 0 })
	await(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.providers) == 0 })
}

// A helper that never answers holds up nobody who has stopped waiting, and is
// killed with its provider.
func TestHelperThatHangsIsGivenUp(t *testing.T) {
	path := token(t)
	hang := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(hang, []byte("#!/bin/sh\nexec sleep 600\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := newSource(t, Config{Helper: hang})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.AddToken(ctx, keys.Token{Provider: path, PIN: pin()}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	s.config.Helper = ""
	if _, err := s.AddToken(t.Context(), keys.Token{Provider: path, PIN: pin()}); err != nil {
		t.Errorf("another helper: %v", err)
	}
}

func TestHelperIsMissing(t *testing.T) {
	path := token(t)
	t.Setenv("SSH_PKCS11_HELPER", "/nowhere/helper")
	if _, err := newSource(t, Config{}).AddToken(t.Context(), keys.Token{Provider: path, PIN: pin()}); err == nil || !strings.Contains(err.Error(), "/nowhere/helper") {
		t.Error(err)
	}
}

// newHelper plays the helper of OpenSSH 10.1 for a fresh key.
func newHelper(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, newKey(t).Seed(), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(asHelper, file)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}

func TestHelperOfOpenSSH10(t *testing.T) {
	s := newSource(t, Config{Helper: newHelper(t)})
	file := os.Getenv(asHelper)
	seed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(keyOf(seed).Public())
	if err != nil {
		t.Fatal(err)
	}
	infos, err := s.AddToken(t.Context(), keys.Token{Provider: file, PIN: pin()})
	if err != nil || len(infos) != 1 || string(infos[0].Blob) != string(public.Marshal()) || infos[0].Comment != "1234" {
		t.Fatalf("%+v, %v", infos, err)
	}
	signs(t, s, infos[0])
	if _, err := s.AddToken(t.Context(), keys.Token{Provider: "/etc/passwd", PIN: []byte("wrong")}); err == nil || !strings.Contains(err.Error(), "gives no keys") {
		t.Errorf("%v", err)
	}
}

func certify(t *testing.T, key ssh.PublicKey) *ssh.Certificate {
	t.Helper()
	ca, err := ssh.NewSignerFromKey(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: key, CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	return cert
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

// playHelper is the dialect of OpenSSH 10.1: it passes over removals, takes the
// whole data with an algorithm, and answers in the SSH form.
func playHelper(file string) {
	seed, _ := os.ReadFile(file)
	signer, err := ssh.NewSignerFromKey(keyOf(seed))
	if err != nil {
		os.Exit(1)
	}
	// Like the real one it handles one message whenever it could read or write
	// something, whatever else it has read with it; and it begins late, so that
	// what is sent together is read together.
	time.Sleep(100 * time.Millisecond)
	var queue []byte
	for buffer := make([]byte, 16<<10); ; {
		n, err := os.Stdin.Read(buffer)
		if err != nil {
			os.Exit(0)
		}
		queue = append(queue, buffer[:n]...)
		for wrote := true; wrote; {
			queue, wrote = handleOne(signer, queue)
		}
	}
}

func handleOne(signer ssh.Signer, queue []byte) (rest []byte, wrote bool) {
	if len(queue) < 4 || len(queue) < 4+int(binary.BigEndian.Uint32(queue)) {
		return queue, false
	}
	end := 4 + binary.BigEndian.Uint32(queue)
	answer := answerOf(signer, queue[4:end])
	if answer != nil {
		fmt.Printf("%s%s", binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer)
	}
	return queue[end:], answer != nil
}

// A helper that hangs is waited for as long as a person may need, and no longer.
func TestAnswersAreNotAwaitedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if r := next(make(chan []byte), answerTimeout); !errors.Is(r.err, errTimeout) {
			t.Errorf("%+v", r)
		}
		answers := make(chan []byte)
		go func() { time.Sleep(answerTimeout - time.Second); answers <- []byte{5} }()
		if r := next(answers, answerTimeout); r.err != nil || len(r.answer) != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// What is no helper at all is not waited for without end either.
func TestHelperThatNeverAnswers(t *testing.T) {
	silent := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(silent, []byte("#!/bin/sh\nexec sleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	gone := errors.New("gone")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, gone)
	defer cancel()
	if _, err := (Config{Helper: silent}).dialect(ctx); !errors.Is(err, gone) {
		t.Error(err)
	}
	if _, err := (Config{Helper: "/bin/false"}).dialect(t.Context()); err == nil {
		t.Error("a helper that ends at once is taken for one")
	}
}

// A helper that reads no request is ended, and is named.
func TestHelperThatStopsReading(t *testing.T) {
	h, err := startHelper(Config{Helper: deaf(t)})
	if err != nil {
		t.Fatal(err)
	}
	h.limit = 100 * time.Millisecond
	gone := make(chan struct{})
	go h.serve(func() { close(gone) })
	const moreThanASocketHolds = 8 << 20
	if _, err := h.ask(context.Background(), make([]byte, moreThanASocketHolds)); !errors.Is(err, errTimeout) {
		t.Error(err)
	}
	<-gone
	if _, err := h.ask(context.Background(), []byte{1}); !errors.Is(err, errHelper) {
		t.Errorf("it is asked again: %v", err)
	}
}

// Nor do the pokes of one that reads nothing wait for ever: some hundreds of them fill a socket.
func TestPokesEnd(t *testing.T) {
	h, err := startHelper(Config{Helper: deaf(t)})
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("gone")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, gone)
	defer cancel()
	if _, err := h.dialect(ctx, time.Millisecond); !errors.Is(err, gone) {
		t.Error(err)
	}
}

// deaf is a program that neither reads nor writes.
func deaf(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexec sleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is not used of a token is named: keys of a type that is not known, and
// certificates for none of its keys. The certificates of a composite authority
// and of a composite key are certificates like any other.
func TestUnusedPartsOfATokenAreNamed(t *testing.T) {
	const unknownKey, otherCertificate = "a key of a type that is not known here (ssh-next)", `the certificate "id" (` + publickey.MLDSA44Ed25519Certificate + "), which is for none of its keys"
	plain, composite := publicKey(t, "plain-cert.pub"), publicKey(t, "composite-cert.pub")
	for listed, want := range map[string]struct {
		keys  int
		names []string
	}{
		"plain.pub":               {3, []string{unknownKey, otherCertificate}},
		"plain.pub composite.pub": {5, []string{unknownKey}},
	} {
		t.Setenv(alsoListed, listed)
		var log bytes.Buffer
		s := newSource(t, Config{Helper: newHelper(t), Log: slog.New(slog.NewTextHandler(&log, nil))})
		infos, err := s.AddToken(t.Context(), keys.Token{Provider: os.Getenv(asHelper), PIN: pin(), Certificates: []ssh.PublicKey{plain, composite}})
		if err != nil || len(infos) != want.keys {
			t.Errorf("%s: %d keys, %v", listed, len(infos), err)
		}
		for _, name := range []string{unknownKey, otherCertificate} {
			if named := strings.Contains(strings.ReplaceAll(log.String(), `\"`, `"`), name); named != slices.Contains(want.names, name) {
				t.Errorf("%s: %q is named: %v\n%s", listed, name, named, &log)
			}
		}
	}
}

// publicKey is one of OpenSSH 10.5's own.
func publicKey(t testing.TB, name string) ssh.PublicKey {
	t.Helper()
	key, err := readPublicKey(name)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func readPublicKey(name string) (ssh.PublicKey, error) {
	line, err := os.ReadFile(filepath.Join("../../keys/publickey/testdata", name))
	if err != nil {
		return nil, err
	}
	key, _, _, _, err := publickey.ParseLine(line)
	return key, err
}

func answerOf(signer ssh.Signer, message []byte) []byte {
	switch message[0] {
	case numAddToken:
		var add struct{ Path, PIN string }
		if ssh.Unmarshal(message[1:], &add) != nil || add.PIN != "1234" {
			return []byte{5, 0, 0, 0, 1}
		}
		// The PIN comes back as the label, to show that it arrived.
		return listOf(signer.PublicKey().Marshal(), add.PIN)
	case numSignRequest:
		var sign struct {
			Blob, Data []byte
			Algorithm  string
			Compat     uint32
		}
		if ssh.Unmarshal(message[1:], &sign) != nil || sign.Algorithm != ssh.KeyAlgoED25519 {
			os.Exit(1)
		}
		signature, err := signer.Sign(rand.Reader, sign.Data)
		if err != nil {
			os.Exit(1)
		}
		return append([]byte{numSignResponse}, ssh.Marshal(struct{ S []byte }{ssh.Marshal(signature)})...)
	}
	return nil
}

// listOf is one key, and those that the test wants besides, behind one of a type that nobody knows.
func listOf(blob []byte, label string) []byte {
	blobs := [][]byte{blob}
	if names := strings.Fields(os.Getenv(alsoListed)); len(names) > 0 {
		blobs = append(blobs, ssh.Marshal(struct{ Type string }{"ssh-next"}))
		for _, name := range names {
			key, err := readPublicKey(name)
			if err != nil {
				os.Exit(1)
			}
			blobs = append(blobs, key.Marshal())
		}
	}
	answer := []byte{numIdentities, 0, 0, 0, byte(len(blobs))}
	for _, blob := range blobs {
		answer = append(answer, ssh.Marshal(struct{ Blob, Label string }{string(blob), label})...)
	}
	return answer
}
