//go:build linux && !nopcsc

package cardkeys_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/piv/pcsc"
	"github.com/keybroker/keybroker/piv/pivtest"
)

var (
	walkSteps = flag.Int("walk", 80, "steps of the random walk over a card's session")
	walkSeed  = flag.Uint64("walk.seed", 0, "the seed of an earlier walk (default: a new one)")
)

// walk takes random steps with a card behind the real pcscd, and knows what each of them
// may do. What follows card is the model.
type walk struct {
	t      *testing.T
	rng    *rand.Rand
	rig    *pivtest.Rig
	source *cardkeys.Source
	card   *pivtest.Card
	keys   map[byte]keys.Info // by slot

	in     bool
	pin    string // of the card
	kept   string // by the broker; "": none
	theirs bool   // another program may have given the PIN; then the card may stay open
	steps  []string

	person person
}

// person is what the person does during one step.
type person struct {
	types   []string // PINs, one after the other; then the question is closed
	dares   bool     // allows the last try
	asked   int
	allowed int // last tries
	typed   map[string]int
}

// TestWalk: at each step the card has lost no more tries than wrong PINs were typed, the
// last one only where the person allowed it; a slot that wants the PIN signs only with one
// that was given; and a card that was released is open for nobody.
func TestWalk(t *testing.T) {
	if *walkSeed == 0 {
		*walkSeed = rand.Uint64()
	}
	w := newWalk(t, rand.New(rand.NewPCG(*walkSeed, 0)))
	t.Logf("go test ./piv/cardkeys -run '^TestWalk$' -walk %d -walk.seed %d", *walkSteps, *walkSeed)
	defer func() {
		if t.Failed() {
			t.Log(strings.Join(w.steps, "\n"))
		}
	}()
	for range *walkSteps {
		if w.step(); t.Failed() {
			return
		}
	}
	w.insert()
	w.forget()
}

func newWalk(t *testing.T, rng *rand.Rand) *walk {
	w := &walk{t: t, rng: rng, rig: pivtest.NewRig(t), pin: pivtest.DefaultPIN, keys: map[byte]keys.Info{}}
	source, err := cardkeys.New(cardkeys.Config{PINCache: time.Hour, Person: keystest.Person{
		Ask:  func(_ context.Context, q keys.Question) ([]byte, error) { return w.person.answer(q) },
		Tell: func(context.Context, keys.Notice) error { return errors.New("the notice was closed") },
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.source = source
	t.Cleanup(func() { _ = source.Close() })
	w.card = pivtest.NewCard(t, pivtest.YubiKey5())
	for slot, policy := range map[byte]byte{0x9a: pivtest.PINOnce, 0x9c: pivtest.PINAlways, 0x9d: pivtest.PINOnce, 0x9e: pivtest.PINNever} {
		public, err := w.card.Provision(slot, pivtest.AlgP256, pivtest.Policy{PIN: policy})
		if err != nil {
			t.Fatal(err)
		}
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		w.keys[slot] = keys.NewInfo(key, "")
	}
	w.insert()
	return w
}

func (p *person) answer(q keys.Question) ([]byte, error) {
	p.asked++
	switch {
	case strings.HasPrefix(q.Title, "Last try") && p.dares:
		p.allowed++
		return []byte("use the last try"), nil
	case strings.HasPrefix(q.Title, "Last try"), len(p.types) == 0:
		return nil, errors.New("the person closed the question")
	}
	pin := p.types[0]
	p.types = p.types[1:]
	p.typed[pin]++
	return []byte(pin), nil
}

// step takes one step. Signatures are the most frequent one.
func (w *walk) step() {
	steps := []struct {
		weight int
		name   string
		take   func()
	}{
		{30, "sign", w.sign},
		{4, "remove", w.remove},
		{4, "insert", w.insert},
		{4, "forget", w.forget},
		{1, "wait for the release", w.awaitRelease},
		{1, "restart pcscd", w.restart},
		{4, "another program gives the PIN", w.otherVerifies},
		{3, "another program gives a wrong PIN", w.otherErrs},
		{3, "another program resets the card", w.otherResets},
		{3, "another program selects another application", w.otherSelects},
		{2, "another program changes the PIN", w.otherChangesPIN},
		{2, "the card ignores the log-out from now on", func() { w.card.IgnoreLogout(true) }},
		{2, "the card obeys the log-out from now on", func() { w.card.IgnoreLogout(false) }},
		{2, "the PUK gives all tries back", func() { w.setTries(3) }},
		{2, "two tries are left", func() { w.setTries(2) }},
		{2, "one try is left", func() { w.setTries(1) }},
	}
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	at := w.rng.IntN(total)
	for _, s := range steps {
		if at -= s.weight; at < 0 {
			w.note("%s", s.name)
			s.take()
			return
		}
	}
}

func (w *walk) note(format string, args ...any) {
	w.steps = append(w.steps, fmt.Sprintf("%d: ", len(w.steps)+1)+fmt.Sprintf(format, args...))
}

func (w *walk) wrong(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("after step %d: %s", len(w.steps), fmt.Sprintf(format, args...))
}

// sign asks for a signature with one of the keys, and compares with the model.
func (w *walk) sign() {
	slot := []byte{0x9a, 0x9a, 0x9c, 0x9d, 0x9e}[w.rng.IntN(5)]
	w.person = person{dares: w.rng.IntN(4) == 0, typed: map[string]int{}}
	for range w.rng.IntN(4) {
		w.person.types = append(w.person.types, []string{w.pin, w.pin, "000000", "12345", "99999999"}[w.rng.IntN(5)])
	}
	plan := strings.Join(w.person.types, " ")
	before, left := w.card.Counts(), w.tries()
	_, err := w.source.Sign(w.t.Context(), &keys.Use{Key: w.keys[slot]}, []byte("x"), ssh.KeyAlgoECDSA256)
	after, now := w.card.Counts(), w.tries()
	w.note("  slot %x, kept %q, theirs %v, %d tries, the person types %q: %v, %d tries", slot, w.kept, w.theirs, left, plan, err, now)

	right := w.person.typed[w.pin] > 0
	stale := w.kept != "" && w.kept != w.pin
	wrongs := 0
	for pin, times := range w.person.typed {
		if pin != w.pin && len(pin) >= 6 {
			wrongs += times
		}
	}
	if stale {
		wrongs++
	}
	spent := after.WrongPINs - before.WrongPINs
	if spent > wrongs {
		w.wrong("%d tries were spent, for %d wrong PINs", spent, wrongs)
	}
	if left > 0 && now == 0 && w.person.allowed == 0 {
		w.wrong("the last try was spent unasked")
	}
	open := right || w.kept == w.pin || w.theirs
	switch {
	case !w.in && (err == nil || after.Verifies != before.Verifies):
		w.wrong("a card that is out: %v", err)
	case slot == 0x9e && (w.in != (err == nil) || w.person.asked > 0):
		w.wrong("a slot that wants no PIN: asked %d times, %v", w.person.asked, err)
	case slot == 0x9c && err == nil && !right, slot != 0x9e && err == nil && !open:
		w.wrong("slot %x has signed without a PIN", slot)
	case w.in && slot != 0x9e && err != nil && right:
		w.wrong("slot %x did not sign with the right PIN: %v", slot, err)
	case w.in && (slot == 0x9a || slot == 0x9d) && w.kept == w.pin && left > 1 && (err != nil || w.person.asked > 0):
		w.wrong("a kept PIN: asked %d times, %v", w.person.asked, err)
	}
	if spent > 0 {
		w.theirs = false
	}
	if slot == 0x9a || slot == 0x9d {
		switch {
		case right && err == nil:
			w.kept = w.pin
		case w.in && (spent > 0 || w.person.asked > 0 || now == 0):
			w.kept = "" // it was refused, or not used for the last try
		}
	}
}

func (w *walk) tries() int { pin, _ := w.card.Tries(); return pin }

// setTries is what the PUK does, or wrong PINs of another program do.
func (w *walk) setTries(n int) {
	if !w.card.PINVerified() { // a PIN that was given has given all tries back
		w.card.SetTries(n, 3)
	}
}

func (w *walk) insert() {
	if w.in {
		return
	}
	if err := w.rig.Insert(0, w.card); err != nil {
		w.t.Fatal(err)
	}
	w.awaitCard()
	w.in = true
}

func (w *walk) awaitCard() {
	eventually(w.t, "all keys of the card", func() bool { return in(w.source) == len(w.keys) })
}

func (w *walk) remove() {
	if !w.in {
		return
	}
	if err := w.rig.Remove(0); err != nil {
		w.t.Fatal(err)
	}
	eventually(w.t, "the card to be out", func() bool { return in(w.source) == 0 })
	w.in, w.kept, w.theirs = false, "", false
}

func (w *walk) restart() {
	if err := w.rig.Stop(syscall.SIGKILL); err != nil {
		w.t.Fatal(err)
	}
	eventually(w.t, "the service to be gone", func() bool { return in(w.source) == 0 })
	if err := w.rig.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.kept, w.theirs = "", false
	if w.in {
		w.awaitCard()
	}
}

// forget is what a lock does: no PIN is kept, and the card is released.
func (w *walk) forget() {
	w.source.Forget()
	w.kept = ""
	if w.card.PINVerified() && !w.theirs {
		w.wrong("a card that was released is open")
	}
}

// awaitRelease waits for the release after the last use.
func (w *walk) awaitRelease() {
	if !w.theirs {
		eventually(w.t, "the PIN to be taken back", func() bool { return !w.card.PINVerified() })
	}
}

// other is another program that connects, sends commands in a transaction and ends it.
func (w *walk) other(disposition uint32, commands ...[]byte) {
	if !w.in {
		return
	}
	service, err := pcsc.Establish()
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = service.Release() }()
	names, err := service.Readers()
	if err != nil {
		w.t.Fatal(err)
	}
	card, err := service.Connect(names[0], pcsc.Shared, pcsc.ProtocolAny)
	if err == nil {
		err = card.Begin()
	}
	if err != nil {
		w.t.Fatalf("another program: %v", err)
	}
	for _, command := range commands {
		if _, err := card.Transmit(command); err != nil {
			w.t.Errorf("another program: %v", err)
		}
	}
	if err := errors.Join(card.End(pcsc.LeaveCard), card.Disconnect(disposition)); err != nil {
		w.t.Errorf("another program: %v", err)
	}
}

var selectPIV = []byte{0x00, 0xa4, 0x04, 0x00, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08}

func verifyCommand(pin string) []byte {
	return append([]byte{0x00, 0x20, 0x00, 0x80, 0x08}, padded(pin)...)
}

func padded(pin string) []byte {
	return append([]byte(pin), []byte(strings.Repeat("\xff", 8-len(pin)))...)
}

func (w *walk) otherVerifies() {
	if w.tries() > 0 {
		w.other(pcsc.LeaveCard, selectPIV, verifyCommand(w.pin))
		w.theirs = w.in
	}
}

func (w *walk) otherErrs() {
	w.other(pcsc.LeaveCard, selectPIV, verifyCommand("111111"))
	w.theirs = w.theirs && !w.in
}

func (w *walk) otherResets() {
	w.other(pcsc.ResetCard)
	w.theirs = false
}

func (w *walk) otherSelects() {
	w.other(pcsc.LeaveCard, []byte{0x00, 0xa4, 0x04, 0x00, 0x08, 0xa0, 0x00, 0x00, 0x05, 0x27, 0x20, 0x01, 0x01})
	w.theirs = false
}

func (w *walk) otherChangesPIN() {
	if !w.in || w.tries() == 0 {
		return
	}
	next := "654321"
	if w.pin == next {
		next = pivtest.DefaultPIN
	}
	w.other(pcsc.LeaveCard, selectPIV, append(append([]byte{0x00, 0x24, 0x00, 0x80, 0x10}, padded(w.pin)...), padded(next)...))
	w.pin, w.theirs = next, true // a PIN that was changed was given (SP 800-73-5 part 2, section 3.2.2)
}
