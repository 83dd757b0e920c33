package piv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keybroker/keybroker/piv/pivtest"
	"github.com/keybroker/keybroker/platform/platformtest"
)

func watchFake(t *testing.T, f *fakePCSC) (*Readers, *recorded) {
	t.Helper()
	before := platformtest.Goroutines()
	told := &recorded{}
	r := watch(Config{Event: told.add}, f, pace{100 * time.Millisecond, 200 * time.Millisecond})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		eventually(t, "no goroutine is left", func() bool { return platformtest.Goroutines() <= before })
		if contexts, handles := f.open(); contexts != 0 || handles != 0 {
			t.Errorf("%d contexts and %d handles are left", contexts, handles)
		}
	})
	return r, told
}

// recorded keeps what Readers told.
type recorded struct {
	mu  sync.Mutex
	all []Event
}

func (r *recorded) add(event Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, event)
}

func (r *recorded) kinds() (kinds []EventKind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, event := range r.all {
		if event.Kind != StateChange {
			kinds = append(kinds, event.Kind)
		}
	}
	return kinds
}

// want waits for these events: State may be ahead of them by a moment.
func (r *recorded) want(t *testing.T, kinds ...EventKind) {
	t.Helper()
	eventually(t, fmt.Sprint("told ", kinds), func() bool { return len(r.kinds()) >= len(kinds) })
	if got := r.kinds(); !slices.Equal(got, kinds) {
		t.Errorf("told %v, want %v", got, kinds)
	}
}

func state(r *Readers, reader string) ReaderInfo {
	for _, info := range r.State().Readers {
		if info.Reader == reader {
			return info
		}
	}
	return ReaderInfo{}
}

func TestNoReader(t *testing.T) {
	r, _ := watchFake(t, newFake())
	eventually(t, "the service runs", func() bool { return r.State().Service == ServiceRunning })
	if r.Cards() != nil || r.State().Readers != nil {
		t.Errorf("%+v", r.State())
	}
}

func TestOtherCards(t *testing.T) {
	f := newFake("a", "b", "c", "d")
	r, told := watchFake(t, f)
	f.insert("a", &silent{[]byte{0x6A, 0x82}})
	f.insert("b", &oldCAC{})
	f.insert("c", &silent{[]byte{0x6F, 0x00}})
	f.insert("d", virtual{newCard(t, pivtest.YubiKey5()), t})
	eventually(t, "each card is named", func() bool {
		return state(r, "a").State == ReaderOther && state(r, "b").State == ReaderOldCAC &&
			state(r, "c").State == ReaderFailing && state(r, "d").State == ReaderPIV
	})
	// The others are let go: one connection is left, or none.
	eventually(t, "they are left alone", func() bool { contexts, handles := f.open(); return contexts == 2 && handles <= 1 })
	told.want(t, CardIn)
	f.remove("a")
	eventually(t, "the reader is empty", func() bool { return state(r, "a").State == ReaderEmpty })
	f.insert("a", virtual{newCard(t, pivtest.YubiKey5()), t})
	eventually(t, "the next card is read", func() bool { return state(r, "a").State == ReaderPIV })
}

// Readers come and go where the system announces it and where it does not.
func TestReadersComeAndGo(t *testing.T) {
	for _, noPnP := range []bool{false, true} {
		t.Run(fmt.Sprintf("without notification %v", noPnP), func(t *testing.T) {
			f := newFake()
			f.noPnP = noPnP
			r, told := watchFake(t, f)
			f.insert("new", virtual{newCard(t, pivtest.YubiKey5()), t})
			f.change(func() { f.readers = []string{"new"} })
			eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
			h := r.Cards()[0]
			f.change(func() { f.readers = nil })
			<-h.Gone()
			eventually(t, "the reader is gone", func() bool { return r.State().Readers == nil })
			told.want(t, CardIn, CardOut)
		})
	}
}

// A card that goes out and in between two looks is another Handle: a PIN that
// was kept for the first is not for the second.
func TestQuickExchange(t *testing.T) {
	f := newFake("a")
	r, told := watchFake(t, f)
	card := virtual{newCard(t, pivtest.YubiKey5()), t}
	f.insert("a", card)
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	h := r.Cards()[0]
	f.change(func() { f.inserts["a"] += 2 })
	<-h.Gone()
	eventually(t, "the card is listed again", func() bool { return len(r.Cards()) == 1 && r.Cards()[0] != h })
	told.want(t, CardIn, CardOut, CardIn)
}

func TestManyInsertions(t *testing.T) {
	f := newFake("a")
	r, _ := watchFake(t, f)
	card := virtual{newCard(t, pivtest.YubiKey5()), t}
	eventually(t, "the service runs", func() bool { return r.State().Service == ServiceRunning })
	once := func() {
		f.insert("a", card)
		eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
		f.remove("a")
		eventually(t, "the card is gone", func() bool { return len(r.Cards()) == 0 })
	}
	once()
	eventually(t, "the first is over", func() bool { c, h := f.open(); return c == 1 && h == 0 })
	before := platformtest.Goroutines()
	for range 100 {
		once()
	}
	eventually(t, "nothing is left", func() bool {
		contexts, handles := f.open()
		return contexts == 1 && handles == 0 && platformtest.Goroutines() <= before
	})
}

// A driver that hangs costs one goroutine however often its card comes and goes.
func TestHangingDriver(t *testing.T) {
	f := newFake("a", "b")
	r, _ := watchFake(t, f)
	card := virtual{newCard(t, pivtest.YubiKey5()), t}
	eventually(t, "the service runs", func() bool { return r.State().Service == ServiceRunning })
	goOn := f.hang("connect")
	released := sync.OnceFunc(goOn)
	t.Cleanup(released)
	put := func() {
		f.insert("a", card)
		eventually(t, "the card is seen", func() bool { return state(r, "a").State == ReaderReading })
		eventually(t, "the driver hangs", f.hangs)
		f.remove("a")
		eventually(t, "it is gone", func() bool { return state(r, "a").State == ReaderEmpty })
	}
	put()
	before := platformtest.Goroutines()
	for range 20 {
		put()
	}
	eventually(t, "no goroutine more", func() bool { return platformtest.Goroutines() <= before })
	released()
	f.insert("a", card)
	eventually(t, "the card is read", func() bool { return state(r, "a").State == ReaderPIV })
}

// What is left behind by a caller that went away is never repeated, and the
// next operation begins on a fresh connection.
func TestAbandonedOperation(t *testing.T) {
	f := newFake("a")
	r, _ := watchFake(t, f)
	card := newCard(t, pivtest.YubiKey5())
	pub := sshKey(t, must1(card.Provision(0x9E, pivtest.AlgP256, pivtest.Policy{PIN: pivtest.PINNever}))(t))
	f.insert("a", virtual{card, t})
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	h := r.Cards()[0]
	use := func(ctx context.Context) error {
		return h.Do(ctx, func(a *Applet) error {
			_, err := a.Sign(ctx, 0x9E, pub, []byte("x"), pub.Type())
			return err
		})
	}
	for _, call := range []string{"begin", "transmit", "end"} {
		t.Run(call, func(t *testing.T) {
			before := card.Counts().Signatures
			if _, err := h.session.worker.call(t.Context(), 0, func() {}); err != nil { // the last transaction has ended
				t.Fatal(err)
			}
			connects := f.made()
			goOn := f.hang(call)
			ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, ErrClosed)
			defer cancel()
			if call == "end" { // the signature is there before that
				if err := use(t.Context()); err != nil {
					t.Error(err)
				}
			} else {
				wantError(t, use(ctx), ErrClosed)
			}
			wantError(t, use(ctx), ErrClosed)
			goOn()
			if err := use(t.Context()); err != nil {
				t.Error(err)
			}
			if made := card.Counts().Signatures - before; made > 2 {
				t.Errorf("%d signatures", made)
			}
			if f.made() == connects {
				t.Error("a connection in an unknown state was used again")
			}
		})
	}
}

// Operations take turns in the order of their asking, each whole.
func TestTurns(t *testing.T) {
	f := newFake("a")
	r, _ := watchFake(t, f)
	f.insert("a", virtual{newCard(t, pivtest.YubiKey5()), t})
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	h := r.Cards()[0]
	var inside, worst int
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			err := h.Do(t.Context(), func(a *Applet) error {
				inside++
				worst = max(worst, inside)
				_, err := a.Version(t.Context())
				time.Sleep(time.Millisecond) // for the others to come in, if they can
				inside--
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if worst != 1 {
		t.Errorf("%d at once", worst)
	}
}

func TestServiceStates(t *testing.T) {
	f := newFake("a")
	f.down = ErrNoService
	r, _ := watchFake(t, f)
	for _, step := range []struct {
		down error
		want Service
	}{{ErrNoService, ServiceAbsent}, {ErrDenied, ServiceRefuses}, {nil, ServiceRunning}, {errors.New("odd"), ServiceAbsent}, {nil, ServiceRunning}} {
		f.change(func() { f.down = step.down })
		eventually(t, string(step.want), func() bool { return r.State().Service == step.want })
		if step.down != nil && r.State().Why == "" {
			t.Error("no reason")
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if r.State().Service != ServiceClosed {
		t.Errorf("%+v", r.State())
	}
}

// A service that hangs is said to, and is back by itself.
func TestServiceStuck(t *testing.T) {
	for _, call := range []string{"establish", "readers", "wait"} {
		t.Run(call, func(t *testing.T) {
			f := newFake("a")
			goOn := sync.OnceFunc(f.hang(call))
			r, _ := watchFake(t, f)
			t.Cleanup(goOn)
			eventually(t, "it is said", func() bool { return r.State().Service == ServiceStuck })
			f.insert("a", virtual{newCard(t, pivtest.YubiKey5()), t})
			goOn()
			eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 && r.State().Service == ServiceRunning })
		})
	}
}

func TestNotCompiledIn(t *testing.T) {
	f := newFake()
	f.down = ErrNotCompiledIn
	r, _ := watchFake(t, f)
	eventually(t, "it is said", func() bool { return r.State().Service == ServiceNone })
	if r.Cards() != nil {
		t.Error("cards")
	}
}

func TestRefresh(t *testing.T) {
	f := newFake("a")
	r, told := watchFake(t, f)
	card := newCard(t, pivtest.YubiKey5())
	f.insert("a", virtual{card, t})
	eventually(t, "the card is listed", func() bool { return len(r.Cards()) == 1 })
	h := r.Cards()[0]
	must1(card.Provision(0x9A, pivtest.AlgP256, pivtest.Policy{}))(t)
	if err := r.Refresh(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if _, ok := h.Token().Slot(0x9A); !ok {
		t.Error("the new key is not seen")
	}
	if err := card.Identify(); err != nil { // gives it a GUID: another number
		t.Fatal(err)
	}
	if err := r.Refresh(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	<-h.Gone()
	eventually(t, "the card has its new number", func() bool {
		return len(r.Cards()) == 1 && r.Cards()[0].Token().GUID == GUID(card.GUID())
	})
	told.want(t, CardIn, CardChanged, CardOut, CardIn)
}
