package pivtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tool runs a program that we did not write; it must succeed.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := try(t, name, args...)
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

func try(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v\nrun `make deps`, which installs it", err)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	return string(out), err
}

func wants(t *testing.T, out string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(out, p) {
			t.Errorf("no %q in:\n%s", p, out)
		}
	}
}

func insert(t *testing.T, r *Rig, slot int, c *Card) {
	t.Helper()
	if err := r.Insert(slot, c); err != nil {
		t.Fatal(err)
	}
}

func provisioned(t *testing.T, c *Card, slot, alg byte, p Policy) crypto.PublicKey {
	t.Helper()
	public, err := c.Provision(slot, alg, p)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// verified checks a signature over the SHA-256 of data, RSA's with PKCS #1.
func verified(t *testing.T, public crypto.PublicKey, data, signature []byte) {
	t.Helper()
	digest := sha256.Sum256(data)
	ok := false
	switch k := public.(type) {
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(k, digest[:], signature)
	}
	if !ok {
		t.Errorf("a signature of %T does not verify: %x", public, signature)
	}
}

// waitFor polls, because what is waited for happens in another process.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited too long for " + what)
		}
	}
}

// TestReplug: cards that are pulled and put in are seen to go and come.
func TestReplug(t *testing.T) {
	rig := NewRig(t)
	one, two := NewCard(t, YubiKey5()), NewCard(t, YubiKey5())
	insert(t, rig, 0, one)
	serial := func() string {
		return tool(t, "opensc-tool", "-r", "0", "-s", "00a4040005a000000308", "-s", "00f8000004")
	}
	if err := rig.Slot(0).Insert(t.Context(), two); err == nil {
		t.Error("two cards in one slot")
	}
	first := serial()
	if rig.Slot(0).Remove() != one || rig.Slot(0).Card() != nil {
		t.Error("not removed")
	}
	insert(t, rig, 0, two)
	if serial() == first {
		t.Error("the first card still answers")
	}
	if err := rig.Remove(0); err != nil {
		t.Fatal(err)
	}
	if list := tool(t, "opensc-tool", "-l"); strings.Contains(list, "Yes") {
		t.Error("still there:\n" + list)
	}
}

// TestDeath: a card that vanishes in mid-APDU fails the program, and can be put in again.
func TestDeath(t *testing.T) {
	rig := NewRig(t)
	card := NewCard(t, YubiKey5())
	insert(t, rig, 0, card)
	version := []string{"-r", "0", "-s", "00a4040005a000000308", "-s", "00fd000003"}
	card.DieOn(insVersion)
	if out, _ := try(t, "opensc-tool", version...); strings.Contains(out, "05 07 01") {
		t.Error("a dead card answered:\n" + out)
	}
	if rig.Slot(0).Card() != nil {
		t.Error("the card is still in")
	}
	insert(t, rig, 0, card)
	wants(t, tool(t, "opensc-tool", version...), "05 07 01")
}

// TestRestart: pcscd stopped and killed comes back, with the card still in.
func TestRestart(t *testing.T) {
	rig := NewRig(t)
	insert(t, rig, 0, NewCard(t, YubiKey5()))
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Kill} {
		before := rig.PID()
		if err := rig.Stop(signal); err != nil {
			t.Fatal(err)
		}
		if _, err := net.Dial("unix", rig.Socket); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after %v: %v", signal, err)
		}
		if err := rig.Start(); err != nil {
			t.Fatal(err)
		}
		if rig.PID() == before || rig.PID() == 0 {
			t.Errorf("pid %d, then %d", before, rig.PID())
		}
		wants(t, tool(t, "opensc-tool", "-l"), "Yes")
	}
}

// TestApart: the rig's network and socket are its own, and go with it.
func TestApart(t *testing.T) {
	NeedStack(t)
	rig, err := StartRig(RigConfig{Readers: []string{"One", "Two"}})
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp4", "127.0.0.1:35963"); err == nil {
		conn.Close()
		t.Error("vpcd listens in this machine's network")
	}
	if conn, err := rig.Slot(0).dial(); err != nil {
		t.Errorf("and not in the rig's: %v", err)
	} else {
		conn.Close()
	}
	t.Setenv("PCSCLITE_CSOCK_NAME", rig.Socket)
	list := tool(t, "opensc-tool", "-l")
	for i := range rig.Slots() {
		wants(t, list, fmt.Sprintf("%d    No              %s\n", i, rig.Slot(i).Reader))
	}
	if _, err := StartRig(RigConfig{Readers: []string{"One", "One"}}); err == nil {
		t.Error("two readers of one name")
	}
	pid := rig.PID()
	if err := rig.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("pcscd is left: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(rig.Socket)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("files are left: %v", err)
	}
}
