//go:build linux && cgo && !nopcsc

package admin

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	pivgo "github.com/go-piv/piv-go/v2/piv"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/pivtest"
)

// TestMain is the helper, too, when it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "helper" {
		if err := Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func helper() Helper {
	return Helper{
		Command: func() *exec.Cmd { return exec.Command("/proc/self/exe", "helper") },
		Waiting: func() {},
	}
}

// bench is a YubiKey in the real pcscd.
type bench struct {
	*pivtest.Rig
	card   *pivtest.Card
	reader string
}

// do runs one operation with the factory's management key and PIN where the
// request names no other.
func (b bench) do(t *testing.T, r Request) (Answer, error) {
	t.Helper()
	r.Reader = b.reader
	if r.ManagementKey == nil {
		r.ManagementKey = piv.DefaultManagementKey()
	}
	if r.PIN == nil {
		r.PIN = []byte(DefaultPIN)
	}
	return helper().Run(t.Context(), r)
}

// TestOnPCSC has one pcscd for all that needs one.
func TestOnPCSC(t *testing.T) {
	rig := pivtest.NewRig(t)
	for name, test := range map[string]func(*testing.T, bench){
		"generate":       testGenerate,
		"management key": testManagementKey,
		"retries":        testRetries,
		"reset":          testReset,
		"busy":           testBusy,
		"another card":   testOtherCard,
		"attestation":    testAttestation,
		"secrets":        testSecrets,
	} {
		t.Run(name, func(t *testing.T) {
			b := bench{rig, pivtest.NewCard(t, pivtest.YubiKey5()), rig.Slot(0).Reader}
			must(t, rig.Insert(0, b.card))
			t.Cleanup(func() { must(t, rig.Remove(0)) })
			test(t, b)
		})
	}
	t.Run("not a YubiKey", func(t *testing.T) {
		must(t, rig.Insert(2, pivtest.NewCard(t, pivtest.GovernmentPIV())))
		b := bench{rig, nil, rig.Slot(2).Reader}
		if _, err := b.do(t, Request{Op: OpReset}); !errors.Is(err, ErrNotYubiKey) {
			t.Error(err)
		}
	})
	t.Run("no card", func(t *testing.T) {
		b := bench{rig, nil, rig.Slot(1).Reader}
		if _, err := b.do(t, Request{Op: OpReset}); !errors.Is(err, piv.ErrRemoved) {
			t.Error(err)
		}
	})
}

func testGenerate(t *testing.T, b bench) {
	for _, alg := range []piv.Algorithm{piv.P256, piv.P384, piv.Ed25519, piv.RSA2048} {
		for _, slot := range []piv.Slot{piv.SlotAuthentication, 0x82} {
			answer, err := b.do(t, Request{Op: OpGenerate, Serial: b.card.Serial(), Slot: slot, Algorithm: alg, PINPolicy: piv.PINAlways, TouchPolicy: piv.TouchNever})
			if err != nil {
				t.Fatal(err)
			}
			key, err := x509.ParsePKIXPublicKey(answer.PublicKey)
			if err != nil || !key.(interface{ Equal(crypto.PublicKey) bool }).Equal(b.card.PublicKey(byte(slot))) {
				t.Errorf("%s in %s: %v, %v", alg, slot, key, err)
			}
		}
	}
	wants(t, tool(t, "yubico-piv-tool", "-a", "attest", "-s", "82"), "BEGIN CERTIFICATE")
	_, err := b.do(t, Request{Op: OpGenerate, Slot: piv.SlotAuthentication, Algorithm: piv.P256, PINPolicy: piv.PINOnce, TouchPolicy: piv.TouchNever,
		Secrets: Secrets{ManagementKey: bytes.Repeat([]byte{1}, 24)}})
	if !errors.Is(err, piv.ErrManagementKey) {
		t.Errorf("wrong management key: %v", err)
	}
}

// testManagementKey has piv-go read what the card layer wrote.
func testManagementKey(t *testing.T, b bench) {
	key := bytes.Repeat([]byte{5}, 24)
	b.apply(t, func(ctx context.Context, a *piv.Applet) error {
		return errors.Join(a.Verify(ctx, []byte(DefaultPIN)), a.AuthenticateManagement(ctx, piv.DefaultManagementKey()),
			a.PutProtectedManagementKey(ctx, key), a.SetManagementKey(ctx, key), a.EndSession(ctx))
	})
	_, err := b.do(t, Request{Op: OpGenerate, Slot: piv.SlotSignature, Algorithm: piv.P256, PINPolicy: piv.PINOnce, TouchPolicy: piv.TouchNever})
	if !errors.Is(err, piv.ErrManagementKey) {
		t.Errorf("the old management key is still good: %v", err)
	}
	card, err := pivgo.Open(b.reader)
	if err != nil {
		t.Fatal(err)
	}
	defer card.Close()
	metadata, err := card.Metadata(DefaultPIN)
	if err != nil || metadata.ManagementKey == nil || !bytes.Equal(*metadata.ManagementKey, key) {
		t.Errorf("%+v, %v", metadata, err)
	}
}

// apply uses the card layer, as the command does, and lets the card go.
func (b bench) apply(t *testing.T, run func(context.Context, *piv.Applet) error) {
	t.Helper()
	seen := make(chan *piv.Handle, 10)
	readers := piv.Watch(piv.Config{Event: func(e piv.Event) {
		if e.Kind == piv.CardIn {
			seen <- e.Handle
		}
	}})
	defer readers.Close()
	handle := <-seen
	must(t, handle.Do(t.Context(), func(a *piv.Applet) error { return run(t.Context(), a) }))
	handle.Release()
	// Released: another program may have it exclusively while we watch on.
	tool(t, "yubico-piv-tool", "-a", "status")
}

func testRetries(t *testing.T, b bench) {
	_, err := b.do(t, Request{Op: OpSetRetries, PINTries: 7, PUKTries: 5, Secrets: Secrets{PIN: []byte("000001")}})
	var wrong *piv.PINError
	if !errors.As(err, &wrong) || wrong.Tries != 2 {
		t.Errorf("wrong PIN: %v", err)
	}
	if n := b.card.Counts().WrongPINs; n != 1 {
		t.Errorf("%d tries were spent", n)
	}
	if _, err := b.do(t, Request{Op: OpSetRetries, PINTries: 7, PUKTries: 5}); err != nil {
		t.Error(err)
	}
	if b.card.PINVerified() {
		t.Error("the helper left the PIN verified")
	}
	wants(t, tool(t, "yubico-piv-tool", "-a", "status"), "PIN tries left:\t7")
}

func testReset(t *testing.T, b bench) {
	if _, err := b.card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{}); err != nil {
		t.Fatal(err)
	}
	wants(t, tool(t, "yubico-piv-tool", "-a", "status"), "Slot 9a")
	if _, err := b.do(t, Request{Op: OpReset, Serial: b.card.Serial()}); err != nil {
		t.Fatal(err)
	}
	if out := tool(t, "yubico-piv-tool", "-a", "status"); strings.Contains(out, "Slot 9a") {
		t.Errorf("the key is still there:\n%s", out)
	}
}

// testBusy holds the card as gpg does, and lets it go once the helper has met that.
func testBusy(t *testing.T, b bench) {
	other, err := pivgo.Open(b.reader)
	if err != nil {
		t.Fatal(err)
	}
	waited := 0
	h := helper()
	h.Waiting = func() {
		waited++
		must(t, other.Close())
	}
	r := Request{Op: OpSetRetries, Reader: b.reader, PINTries: 4, PUKTries: 4,
		Secrets: Secrets{ManagementKey: piv.DefaultManagementKey(), PIN: []byte(DefaultPIN)}}
	if _, err := h.Run(t.Context(), r); err != nil || waited != 1 {
		t.Errorf("told to wait %d times, %v", waited, err)
	}
	other, err = pivgo.Open(b.reader)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	before := b.card.Counts().APDUs
	ctx, stop := context.WithCancel(t.Context())
	h.Waiting = stop
	if _, err := h.Run(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if n := b.card.Counts().APDUs - before; n != 0 {
		t.Errorf("%d commands reached the card", n)
	}
}

func testOtherCard(t *testing.T, b bench) {
	_, err := b.do(t, Request{Op: OpReset, Serial: b.card.Serial() + 1})
	if !errors.Is(err, piv.ErrOtherCard) {
		t.Error(err)
	}
	if pin, puk := b.card.Tries(); pin != 3 || puk != 3 {
		t.Errorf("tries: %d, %d", pin, puk)
	}
}

func testAttestation(t *testing.T, b bench) {
	serial := b.card.Serial()
	key, err := b.card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{Touch: pivtest.TouchCached})
	if err != nil {
		t.Fatal(err)
	}
	var attestation, issuer *x509.Certificate
	b.apply(t, func(ctx context.Context, a *piv.Applet) error {
		der, err := a.Attest(ctx, piv.SlotAuthentication)
		if err != nil {
			return err
		}
		attestation, err = x509.ParseCertificate(der)
		cert, err2 := a.AttestationCertificate(ctx)
		issuer = cert.X509
		return errors.Join(err, err2)
	})
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(b.card.AttestationRoot())
	others.AddCert(pivtest.NewCard(t, pivtest.YubiKey5()).AttestationRoot())
	said, err := VerifyAttestation(attestation, issuer, roots, piv.SlotAuthentication, serial, key)
	if err != nil || said.TouchPolicy != piv.TouchCached || said.PINPolicy != piv.PINOnce || !said.Version.AtLeast(5, 7) {
		t.Errorf("%+v, %v", said, err)
	}
	for name, test := range map[string]struct {
		roots  *x509.CertPool
		slot   piv.Slot
		serial uint32
		key    crypto.PublicKey
		words  string
	}{
		"Yubico's roots": {nil, piv.SlotAuthentication, serial, key, "signed by unknown authority"},
		"another root":   {others, piv.SlotAuthentication, serial, key, "signed by unknown authority"},
		"another slot":   {roots, piv.SlotSignature, serial, key, "for slot 9a"},
		"another card":   {roots, piv.SlotAuthentication, serial + 1, key, fmt.Sprintf("for the YubiKey %d", serial)},
		"another key":    {roots, piv.SlotAuthentication, serial, issuer.PublicKey, "another key"},
	} {
		_, err := VerifyAttestation(attestation, issuer, test.roots, test.slot, test.serial, test.key)
		if !errors.Is(err, ErrAttestation) || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// testSecrets looks at the helper from outside while a slow card keeps it.
func testSecrets(t *testing.T, b bench) {
	b.card.Slow(50 * time.Millisecond)
	ended := make(chan error, 1)
	go func() {
		_, err := b.do(t, Request{Op: OpSetRetries, PINTries: 3, PUKTries: 3})
		ended <- err
	}()
	seen := 0
	for {
		select {
		case err := <-ended:
			if err != nil || seen == 0 {
				t.Errorf("looked at it %d times, %v", seen, err)
			}
			return
		default:
		}
		for _, pid := range children(t) {
			text := read(pid, "cmdline")
			if !strings.Contains(text, "helper") {
				continue
			}
			seen++
			if text += read(pid, "environ"); strings.Contains(text, DefaultPIN) || strings.Contains(text, string(piv.DefaultManagementKey()[:8])) {
				t.Fatalf("a secret is in the arguments or the environment: %q", text)
			}
		}
	}
}

func children(t *testing.T) (pids []string) {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	must(t, err)
	for _, list := range lists {
		pids = append(pids, strings.Fields(read("self", strings.TrimPrefix(list, "/proc/self/")))...)
	}
	return pids
}

// read is empty for a process that has gone.
func read(pid, name string) string {
	text, _ := os.ReadFile(filepath.Join("/proc", pid, name))
	return string(text)
}

// TestServeHardens starts the helper and leaves it without a request: a
// process of the same user can then not read its memory, and it leaves no core.
func TestServeHardens(t *testing.T) {
	cmd := helper().Command()
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	limit := regexp.MustCompile(`Max core file size +0 +0 `)
	pid, end := fmt.Sprint(cmd.Process.Pid), time.Now().Add(20*time.Second)
	for !limit.MatchString(read(pid, "limits")) && time.Now().Before(end) {
		time.Sleep(time.Millisecond)
	}
	if !limit.MatchString(read(pid, "limits")) {
		t.Error("it never hardened itself")
	}
	must(t, in.Close())
	if err := cmd.Wait(); err == nil {
		t.Error("no request, and no failure")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, out, part string) {
	t.Helper()
	if !strings.Contains(out, part) {
		t.Errorf("no %q in:\n%s", part, out)
	}
}

// tool runs a program that we did not write; it must succeed.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
