//go:build linux && !nopcsc

package piv

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/piv/pcsc"
	"github.com/keybroker/keybroker/piv/pivtest"
	"github.com/keybroker/keybroker/platform/platformtest"
)

// rig is a real pcscd with virtual readers, and Readers that watch it.
type rig struct {
	*pivtest.Rig
	*Readers
	events *recorded
}

// moreOnPCSC are tests that not every build has.
var moreOnPCSC = map[string]func(*testing.T, rig){}

// TestPCSC has one pcscd for all that needs one: it takes seconds to start.
func TestPCSC(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a pcscd of its own, in a network namespace, needs root")
	}
	real := pivtest.NewRig(t)
	tests := map[string]func(*testing.T, rig){
		"two characters":        testCharacters,
		"cards come and go":     testComeAndGo,
		"exchanged card":        testExchangedCard,
		"dies in mid-signature": testDies,
		"slow card":             testSlowCard,
		"let go":                testLetGo,
		"reset":                 testReset,
		"reset under way":       testResetUnderWay,
		"service restarts":      testServiceRestarts,
		"service hangs":         testServiceHangs,
		"close while it hangs":  testCloseWhileHung,
		"beside other programs": testBesideOthers,
		"blocked calls":         testBlockedCalls,
		"generate":              testGenerate,
		"number of tries":       testSetRetries,
		"reset a YubiKey":       testResetYubiKey,
		"reset another card":    testResetOtherCard,
	}
	maps.Copy(tests, moreOnPCSC)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := platformtest.Goroutines()
			t.Cleanup(func() {
				eventually(t, "no goroutine is left", func() bool { return platformtest.Goroutines() <= before })
			})
			r := rig{Rig: real, events: &recorded{}}
			r.Readers = watchFor(t, r.events)
			eventually(t, "four empty readers", func() bool { return r.empty() == 4 })
			test(t, r)
		})
	}
}

// empty counts the readers without a card: the last test's may still be seen.
func (r rig) empty() (n int) {
	for _, info := range r.State().Readers {
		if info.State == ReaderEmpty {
			n++
		}
	}
	return n
}

func watchFor(t *testing.T, told *recorded) *Readers {
	readers := Watch(Config{Event: told.add})
	t.Cleanup(func() {
		if err := readers.Close(); err != nil {
			t.Error(err)
		}
	})
	return readers
}

// insert puts a card in and waits until it is listed.
func (r rig) insert(t *testing.T, slot int, card *pivtest.Card) (h *Handle) {
	t.Helper()
	before := r.Cards()
	if err := r.Rig.Insert(slot, card); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Slot(slot).Remove() })
	eventually(t, "the card is listed", func() bool {
		for _, card := range r.Cards() {
			if !slices.Contains(before, card) {
				h = card
			}
		}
		return h != nil
	})
	return h
}

// yubikey has a key in 9E that needs no PIN, and one in 9A that does.
func yubikey(t *testing.T) (card *pivtest.Card, free, once ssh.PublicKey) {
	t.Helper()
	card = pivtest.NewCard(t, pivtest.YubiKey5())
	free = sshKey(t, must1(card.Provision(0x9E, pivtest.AlgP256, pivtest.Policy{PIN: pivtest.PINNever}))(t))
	once = sshKey(t, must1(card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{PIN: pivtest.PINOnce}))(t))
	return card, free, once
}

func isGone(t *testing.T, h *Handle) {
	t.Helper()
	eventually(t, "the card is gone", func() bool {
		select {
		case <-h.Gone():
			return true
		default:
			return false
		}
	})
}

func sign(ctx context.Context, h *Handle, slot Slot, pub ssh.PublicKey) error {
	return h.Do(ctx, func(a *Applet) error {
		_, err := a.Sign(ctx, slot, pub, []byte("message"), sshAlgorithm(pub))
		return err
	})
}

// Both characters through the real service: T=1 and T=0.
func testCharacters(t *testing.T, r rig) {
	card, free, once := yubikey(t)
	h := r.insert(t, 0, card)
	ctx := t.Context()
	token := h.Token()
	if token.Kind != KindYubiKey || token.Serial != card.Serial() || len(token.Slots) != 2 || len(token.Problems) != 0 {
		t.Errorf("token %+v", token)
	}
	if err := sign(ctx, h, 0x9E, free); err != nil {
		t.Error(err)
	}
	wantError(t, sign(ctx, h, 0x9A, once), StatusSecurityNotSatisfied)
	if err := errors.Join(verify(ctx, h), sign(ctx, h, 0x9A, once)); err != nil {
		t.Error(err)
	}

	gov := pivtest.NewCard(t, pivtest.GovernmentPIV())
	g := r.insert(t, 2, gov)
	if token := g.Token(); token.Kind != KindPIV || token.Reference != PINGlobal || token.GUID != GUID(gov.GUID()) || len(token.Slots) != 5 {
		t.Errorf("token %+v", token)
	}
	if err := verify(ctx, g); err != nil {
		t.Error(err)
	}
	for _, slot := range g.Token().Slots {
		if slot.PIN != PINAlways {
			if err := sign(ctx, g, slot.Slot, sshKey(t, slot.PublicKey)); err != nil {
				t.Errorf("%s: %v", slot.Slot, err)
			}
		}
	}
	if r.Find(token.ID) != h || r.Find(g.Token().ID) != g || r.Find("none") != nil {
		t.Error("cards are not found by their number")
	}
}

func testComeAndGo(t *testing.T, r rig) {
	card, free, _ := yubikey(t)
	first := r.insert(t, 0, card)
	r.Slot(0).Remove()
	isGone(t, first)
	wantError(t, sign(t.Context(), first, 0x9E, free), ErrRemoved)
	eventually(t, "no card is listed", func() bool { return len(r.Cards()) == 0 })

	second := r.insert(t, 2, card) // in another reader
	if second.Token().ID != first.Token().ID {
		t.Errorf("%s became %s", first.Token().ID, second.Token().ID)
	}
	if err := sign(t.Context(), second, 0x9E, free); err != nil {
		t.Error(err)
	}
	r.events.want(t, CardIn, CardOut, CardIn)
}

// A card that is exchanged for another one gets no PIN that was meant for the
// first, whatever the watcher knows.
func testExchangedCard(t *testing.T, r rig) {
	card, _, _ := yubikey(t)
	h := r.insert(t, 0, card)
	other := *h.Token()
	other.Serial, other.ID = other.Serial+1, "serial:1" // as if it had been another card
	h.token.Store(&other)
	if _, err := h.session.worker.call(t.Context(), connectLimit, h.session.disconnect); err != nil { // else in 1.5 s
		t.Fatal(err)
	}
	before := card.Counts().Verifies
	wantError(t, verify(t.Context(), h), ErrOtherCard)
	if card.Counts().Verifies != before {
		t.Error("the PIN was sent")
	}
	isGone(t, h)
	eventually(t, "the card is listed again", func() bool { return len(r.Cards()) == 1 && r.Cards()[0] != h })
	if err := verify(t.Context(), r.Cards()[0]); err != nil {
		t.Error(err)
	}
}

func testDies(t *testing.T, r rig) {
	card, free, _ := yubikey(t)
	h := r.insert(t, 0, card)
	card.DieOn(insGeneralAuthenticate)
	if err := sign(t.Context(), h, 0x9E, free); !fatal(err) && !errors.Is(err, ErrRemoved) {
		t.Errorf("error %v", err)
	}
	isGone(t, h)
	again := r.insert(t, 0, card)
	if err := sign(t.Context(), again, 0x9E, free); err != nil {
		t.Error(err)
	}
}

// The caller of a card that is busy goes away when it wants to, and the next
// one gets its turn.
func testSlowCard(t *testing.T, r rig) {
	card, free, _ := yubikey(t)
	h := r.insert(t, 0, card)
	card.Slow(300 * time.Millisecond)
	ctx, cancel := context.WithCancelCause(t.Context())
	gave := make(chan error, 1)
	go func() { gave <- sign(ctx, h, 0x9E, free) }()
	eventually(t, "the card is at work", func() bool { return len(h.turn) == 1 })
	cancel(ErrClosed)
	wantError(t, <-gave, ErrClosed)
	card.Slow(0)
	if err := sign(t.Context(), h, 0x9E, free); err != nil {
		t.Error(err)
	}
}

// Another program may have the card for itself once it was not used.
func testLetGo(t *testing.T, r rig) {
	card, free, _ := yubikey(t)
	h := r.insert(t, 0, card)
	if err := sign(t.Context(), h, 0x9E, free); err != nil {
		t.Fatal(err)
	}
	system := service{}
	mine := must1(system.establish())(t).(*serviceContext)
	defer mine.release()
	eventually(t, "the card is free", func() bool {
		held, err := mine.exclusive(h.Reader())
		if err == nil {
			// We are kept out for as long, and come back by ourselves.
			wantError(t, sign(t.Context(), h, 0x9E, free), ErrBusy)
			held.disconnect(false)
		}
		return err == nil
	})
	if err := sign(t.Context(), h, 0x9E, free); err != nil {
		t.Error(err)
	}
}

// Another program resets the card between two operations.
func testReset(t *testing.T, r rig) {
	card, free, once := yubikey(t)
	h := r.insert(t, 0, card)
	if err := verify(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if out, err := exec.Command("opensc-tool", "--reader", "0", "--reset").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if err := sign(t.Context(), h, 0x9E, free); err != nil {
			t.Error(err)
		}
	}
	wantError(t, sign(t.Context(), h, 0x9A, once), StatusSecurityNotSatisfied)
}

// A card takes its time for a reset. pcscd tells of one before, and unsets the
// protocol after, also for those who connected meanwhile: that is the same reset.
func testResetUnderWay(t *testing.T, r rig) {
	card, free, _ := yubikey(t)
	h := r.insert(t, 0, card)
	card.SlowReset(20 * time.Millisecond)
	for range 20 {
		done := make(chan error, 1)
		go func() { done <- resetBy(h.Reader()) }()
		for over := false; !over; {
			if err := sign(t.Context(), h, 0x9E, free); err != nil && !errors.Is(err, ErrReset) {
				t.Error(err)
			}
			time.Sleep(5 * time.Millisecond) // others want a turn
			select {
			case err := <-done:
				over = true
				if err != nil {
					t.Fatal(err)
				}
			default:
			}
		}
	}
	if r.Cards()[0] != h {
		t.Error("the card was taken for another one")
	}
}

// resetBy is another program that ends as yubico-piv-tool does.
func resetBy(reader string) error {
	other, err := pcsc.Establish()
	if err != nil {
		return err
	}
	defer other.Release()
	card, err := other.Connect(reader, pcsc.Shared, pcsc.ProtocolAny)
	if err != nil {
		return err
	}
	return card.Disconnect(pcsc.ResetCard)
}

// pcscd goes away in every manner; the cards are back when it is.
func testServiceRestarts(t *testing.T, r rig) {
	card, free, _ := yubikey(t)
	h := r.insert(t, 0, card)
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := r.Stop(sig); err != nil {
			t.Fatal(err)
		}
		isGone(t, h)
		eventually(t, "the service is missed", func() bool { return r.State().Service == ServiceAbsent })
		if state := r.State(); len(state.Readers) != 0 || state.Why == "" {
			t.Errorf("state %+v", state)
		}
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the card is back", func() bool { return len(r.Cards()) == 1 })
		h = r.Cards()[0]
		if err := sign(t.Context(), h, 0x9E, free); err != nil {
			t.Error(err)
		}
	}
}

// A service that hangs delays nobody longer than they want to wait, and costs
// no more goroutines however often it is tried.
func testServiceHangs(t *testing.T, r rig) {
	card, free, _ := yubikey(t)
	h := r.insert(t, 0, card)
	hung := func(on bool) {
		sig := syscall.SIGCONT
		if on {
			sig = syscall.SIGSTOP
		}
		if err := syscall.Kill(r.PID(), sig); err != nil {
			t.Fatal(err)
		}
		if on {
			eventually(t, "each thread of the service stands still", func() bool { return stands(t, r.PID()) })
		}
	}
	hung(true)
	t.Cleanup(func() { hung(false) })
	try := func() {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		wantError(t, sign(ctx, h, 0x9E, free), context.DeadlineExceeded)
	}
	try()
	before := platformtest.Goroutines()
	const tries = 50
	for range tries {
		try()
	}
	if after := platformtest.Goroutines(); after >= before+tries/2 { // one or two may begin or end just now
		t.Errorf("%d goroutines became %d", before, after)
	}
	hung(false)
	eventually(t, "the card signs again", func() bool { return sign(t.Context(), h, 0x9E, free) == nil })
}

// stands reports whether every thread of a process is stopped: a signal takes a moment.
func stands(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatal("there is no such process", err)
	}
	return !slices.ContainsFunc(threads, func(path string) bool {
		stat, err := os.ReadFile(path)
		return err == nil && !bytes.Contains(stat, []byte(") T "))
	})
}

func testCloseWhileHung(t *testing.T, r rig) {
	card, _, _ := yubikey(t)
	r.insert(t, 0, card)
	readers := Watch(Config{})
	eventually(t, "the card is listed", func() bool { return len(readers.Cards()) == 1 })
	if err := syscall.Kill(r.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "each thread of the service stands still", func() bool { return stands(t, r.PID()) })
	wantError(t, readers.Close(), ErrNoAnswer)
	if err := syscall.Kill(r.PID(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	readers.tasks.Wait() // what hung ends with the service's silence
}

func TestNoService(t *testing.T) {
	t.Setenv("PCSCLITE_CSOCK_NAME", t.TempDir()+"/none")
	readers := watchFor(t, &recorded{})
	eventually(t, "the service is missed", func() bool { return readers.State().Service == ServiceAbsent })
	if readers.Cards() != nil || readers.Find("x") != nil {
		t.Error("cards without a service")
	}
}

var rounds = flag.Int("rounds", 12, "how often other programs use the card beside us")

// Other programs work with the card while we do; nobody fails.
func testBesideOthers(t *testing.T, r rig) {
	card, free, once := yubikey(t)
	h := r.insert(t, 0, card)
	rounds := *rounds
	stop := make(chan struct{})
	var signatures int
	done := make(chan error, 1)
	go func() {
		var failed error
		for failed == nil {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			failed = errors.Join(sign(t.Context(), h, 0x9E, free), verify(t.Context(), h))
			if failed == nil {
				failed = h.Do(t.Context(), func(a *Applet) error {
					if err := a.Verify(t.Context(), []byte(pivtest.DefaultPIN)); err != nil {
						return err
					}
					_, err := a.Sign(t.Context(), 0x9A, once, []byte("x"), ssh.KeyAlgoECDSA256)
					return err
				})
			}
			signatures++
			time.Sleep(5 * time.Millisecond)
		}
		done <- failed
	}()
	programs := [][]string{
		{"yubico-piv-tool", "-a", "status"},
		{"opensc-tool", "--reader", "0", "-n"},
		{"pkcs15-tool", "--reader", "0", "-D"},
		{"opensc-tool", "--reader", "0", "-s", "00A4040006D27600012401"},
	}
	for i := range rounds {
		program := programs[i%len(programs)]
		if out, err := exec.Command(program[0], program[1:]...).CombinedOutput(); err != nil {
			t.Errorf("round %d: %s: %v\n%s", i, strings.Join(program, " "), err, out)
			break
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Logf("%d rounds of other programs, %d of ours", rounds, signatures)
}

// exclusive connects as a program that wants the card for itself.
func (c *serviceContext) exclusive(reader string) (*serviceCard, error) {
	card, err := c.ctx.Connect(reader, pcsc.Exclusive, pcsc.ProtocolAny)
	if err != nil {
		return nil, err
	}
	return &serviceCard{card: card}, nil
}
