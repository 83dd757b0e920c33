package session

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keybroker/keybroker/platform/bus"
	"github.com/keybroker/keybroker/platform/session/sessiontest"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// rig is a watcher on a bus of its own, which stands for both buses.
type rig struct {
	*testing.T
	address string
	events  chan Event
	watcher *Watcher
	asleep  atomic.Int64
	during  func(Event) // nil: nothing is done while an event is being told
}

func newRig(t *testing.T, address string) *rig {
	t.Helper()
	r := &rig{T: t, address: address, events: make(chan Event, 100)}
	r.start()
	return r
}

func (r *rig) start() {
	r.Helper()
	where := func() (string, error) {
		if r.address == "" {
			return "", bus.ErrAbsent
		}
		return r.address, nil
	}
	r.watcher = New(Config{On: r.on, System: where, Session: where,
		Log:    slog.New(slog.NewTextHandler(io.Discard, nil)),
		Asleep: func() time.Duration { return time.Duration(r.asleep.Load()) }, Tick: time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.watcher.Run(ctx) }()
	r.Cleanup(func() { cancel(); <-done })
}

func (r *rig) on(e Event) {
	if r.during != nil {
		r.during(e)
	}
	r.events <- e
}

func (r *rig) want(kind Kind, source string) Event {
	r.Helper()
	select {
	case e := <-r.events:
		if e.Kind != kind || !strings.HasPrefix(e.Source, source) {
			r.Fatalf("%+v, want %q from %q", e, kind, source)
		}
		return e
	case <-time.After(patience):
		r.Fatalf("waited in vain for %q", kind)
	}
	return Event{}
}

func (r *rig) none() {
	r.Helper()
	select {
	case e := <-r.events:
		r.Fatalf("%+v", e)
	default:
	}
}

func (r *rig) await(what string, done func(Status) bool) {
	r.Helper()
	for end := time.Now().Add(patience); !done(r.watcher.Status()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("waited in vain for %s: %+v", what, r.watcher.Status())
		}
	}
}

func (r *rig) awaitAll() {
	r.Helper()
	r.await("both buses", func(s Status) bool {
		return len(s.Notes) == 0 || len(s.Notes) == 1 && strings.HasSuffix(s.Notes[0], noScreenSaver)
	})
}

func TestLogindTellsOfTheScreen(t *testing.T) {
	address := softkeystest.StartBus(t, false).Address
	logind := sessiontest.StartLogind(t, address)
	r := newRig(t, address)
	r.awaitAll()
	logind.Lock(sessiontest.Others)
	logind.Lock(sessiontest.Mine)
	if e := r.want(Lock, "logind "+string(sessiontest.Mine)); e.Again {
		t.Error("it was not locked before")
	}
	logind.Hint(true)
	if e := r.want(Lock, "logind"); !e.Again {
		t.Error("it was locked before")
	}
	logind.Hint(false)
	r.want(Unlock, "logind")
	if r.watcher.Status().Locked {
		t.Error("still locked")
	}
}

func TestSleepWaitsUntilAllIsDropped(t *testing.T) {
	address := softkeystest.StartBus(t, false).Address
	logind := sessiontest.StartLogind(t, address)
	r := &rig{T: t, address: address, events: make(chan Event, 100)}
	r.during = func(e Event) {
		if e.Kind == Suspend && e.Source == partLogind && !logind.Held() {
			t.Error("the machine sleeps before all is dropped")
		}
	}
	r.start()
	r.awaitAll()
	logind.Sleep()
	r.want(Suspend, "logind")
	r.asleep.Store(int64(time.Hour)) // the clocks show it too
	logind.Wake()
	for e := range r.events { // the clock may have been looked at before logind spoke
		if e.Kind == Resume {
			break
		}
	}
	logind.Sleep() // a new lock was asked for
	r.want(Suspend, "logind")
}

func TestSleepIsFoundAfterwards(t *testing.T) {
	r := newRig(t, "")
	r.asleep.Store(int64(time.Second)) // what two readings of a clock may differ by
	r.await("notes", func(s Status) bool { return len(s.Notes) == 2 })
	r.none()
	r.asleep.Store(int64(time.Minute))
	r.want(Suspend, "the clock")
	notes := strings.Join(r.watcher.Status().Notes, "\n")
	if !strings.Contains(notes, "sleep is found only afterwards") || !strings.Contains(notes, "locking the screen is noticed only") {
		t.Error(notes)
	}
}

func TestSessionEnd(t *testing.T) {
	address := softkeystest.StartBus(t, false).Address
	logind := sessiontest.StartLogind(t, address)
	r := newRig(t, address)
	r.awaitAll()
	logind.End(sessiontest.Others)
	logind.End(sessiontest.Mine)
	r.want(End, "logind")
	r.none()
}

func TestLogindComesBack(t *testing.T) {
	address := softkeystest.StartBus(t, false).Address
	logind := sessiontest.StartLogind(t, address)
	r := newRig(t, address)
	r.awaitAll()
	logind.Stop()
	r.await("a note", func(s Status) bool { return strings.Contains(strings.Join(s.Notes, "\n"), "logind does not run") })
	again := sessiontest.StartLogind(t, address)
	r.awaitAll()
	again.Lock(sessiontest.Mine)
	r.want(Lock, "logind")
}

func TestOnlyTheScreenSaverUnlocks(t *testing.T) {
	const name = "org.gnome.ScreenSaver"
	address := softkeystest.StartBus(t, false).Address
	sessiontest.StartLogind(t, address)
	saver := sessiontest.StartScreenSaver(t, address, name)
	r := newRig(t, address)
	r.awaitAll()
	saver.Set(true)
	r.want(Lock, name)
	sessiontest.Forge(t, address, name, false)
	saver.Set(true) // comes after the forged one
	if e := r.want(Lock, name); !e.Again {
		t.Error("a forged signal was taken for unlocking")
	}
	if !r.watcher.Status().Locked {
		t.Error("not locked")
	}
	saver.Set(false)
	r.want(Unlock, name)
	// One that goes without a word unlocks nothing; the next one does.
	saver.Set(true)
	r.want(Lock, name)
	saver.Stop()
	sessiontest.StartScreenSaver(t, address, name)
	r.want(Unlock, name)
}

func TestScreenThatIsLockedAlready(t *testing.T) {
	const name = "org.xfce.ScreenSaver"
	address := softkeystest.StartBus(t, false).Address
	saver := sessiontest.StartScreenSaver(t, address, name)
	saver.Set(true)
	r := newRig(t, address)
	r.want(Lock, name)
}

// A program that takes a screen saver's name and never answers keeps nothing from
// being noticed: neither what another one says, nor logind.
func TestOneThatNeverAnswersHidesNothing(t *testing.T) {
	const name, hung = "org.gnome.ScreenSaver", "org.xfce.ScreenSaver"
	address := softkeystest.StartBus(t, false).Address
	logind := sessiontest.StartLogind(t, address)
	saver := sessiontest.StartScreenSaver(t, address, name)
	r := newRig(t, address)
	r.awaitAll()
	// Calls of callTimeout each, one after the other, would take longer than patience.
	sessiontest.TakeAndDrop(t, address, hung, 200)
	saver.Set(true)
	r.want(Lock, name)
	logind.Lock(sessiontest.Mine)
	r.want(Lock, "logind")
	saver.Set(false)
	logind.Unlock(sessiontest.Mine)
	r.want(Unlock, "")
}

// The same from the start, and with a logind that hangs: its signals count.
func TestServicesThatHangFromTheStart(t *testing.T) {
	address := softkeystest.StartBus(t, false).Address
	logind := sessiontest.StartLogind(t, address)
	release := logind.Hang()
	defer release()
	saver := sessiontest.StartScreenSaver(t, address, "org.gnome.ScreenSaver")
	r := newRig(t, address)
	r.await("the screen saver", func(s Status) bool {
		return len(s.Notes) == 1 && strings.Contains(s.Notes[0], "sleep is found only afterwards")
	})
	saver.Set(true)
	r.want(Lock, "org.gnome.ScreenSaver")
	logind.Lock(sessiontest.Mine)
	r.want(Lock, "logind")
}

// Where nobody could tell that the screen was locked, the status says so.
func TestNoScreenSaverIsSaid(t *testing.T) {
	address := softkeystest.StartBus(t, false).Address
	sessiontest.StartLogind(t, address)
	r := newRig(t, address)
	says := func(s Status) bool {
		return len(s.Notes) == 1 && s.Notes[0] == "locking the screen is noticed only if logind tells of it: "+noScreenSaver
	}
	r.await("a note", says)
	saver := sessiontest.StartScreenSaver(t, address, "org.mate.ScreenSaver")
	r.await("no note", func(s Status) bool { return len(s.Notes) == 0 })
	saver.Stop()
	r.await("a note", says)
}

func TestBusComesBack(t *testing.T) {
	dir, err := os.MkdirTemp("", "session") // short, for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	r := newRig(t, "unix:path="+filepath.Join(dir, "bus"))
	r.await("notes", func(s Status) bool { return strings.Count(strings.Join(s.Notes, ""), bus.ErrAbsent.Error()) == 2 })
	real := softkeystest.StartBus(t, false)
	path, _, _ := strings.Cut(strings.TrimPrefix(real.Address, "unix:path="), ",")
	if err := os.Symlink(path, filepath.Join(dir, "bus")); err != nil {
		t.Fatal(err)
	}
	logind := sessiontest.StartLogind(t, real.Address)
	r.awaitAll()
	logind.Lock(sessiontest.Mine)
	r.want(Lock, "logind")
}
