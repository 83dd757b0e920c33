package cardkeys

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keybroker/keybroker/piv"
)

func TestPINIsKeptForAWhile(t *testing.T) {
	var p pinState
	p.keep([]byte("123456"), time.Hour, p.drops())
	if string(p.get()) != "123456" || p.kept().IsZero() {
		t.Fatal("it is not kept")
	}
	p.until = time.Now().Add(-time.Second) // the timer slept with the machine
	if p.get() != nil || !p.kept().IsZero() {
		t.Error("it is kept for longer than was said")
	}
	p.keep([]byte("123456"), time.Nanosecond, p.drops())
	for p.kept() != (time.Time{}) {
		time.Sleep(time.Millisecond)
	}
	p.keep([]byte("123456"), 0, p.drops())
	if p.get() != nil {
		t.Error("it is kept against the configuration")
	}
}

// A PIN that is typed while everything is dropped must not survive that.
func TestPINTypedBeforeALockIsNotKept(t *testing.T) {
	var p pinState
	asked := p.drops()
	p.drop()
	p.keep([]byte("123456"), time.Hour, asked)
	if p.get() != nil {
		t.Error("it outlived the lock")
	}
}

func TestGate(t *testing.T) {
	ctx := context.Background()
	closed := errors.New("the person wants no more of it")
	for _, test := range []struct {
		name string
		end  func(*turn)
		want error
	}{
		{"the PIN was given", func(t *turn) { t.given(); t.over(ctx, closed) }, nil},
		{"the person's no is everybody's", func(t *turn) { t.over(ctx, closed) }, closed},
		{"the card went away: the next one asks", func(t *turn) { t.over(ctx, piv.ErrRemoved) }, nil},
		{"the program went away: the next one asks", func(t *turn) {
			gone, end := context.WithCancel(ctx)
			end()
			t.over(gone, closed)
		}, nil},
	} {
		var g gate
		mine, err := g.turn(ctx)
		if mine == nil || err != nil {
			t.Fatal(mine, err)
		}
		others := make(chan error, 3)
		for range cap(others) {
			go func() {
				turn, err := g.turn(ctx)
				if turn != nil {
					err = errors.New("two turns at once")
				}
				others <- err
			}()
		}
		impatient, end := context.WithCancel(ctx)
		end()
		if turn, err := g.turn(impatient); turn != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: who hangs up: %v", test.name, err)
		}
		for g.waiting.Load() < int32(cap(others)) {
			time.Sleep(time.Millisecond)
		}
		test.end(mine)
		for range cap(others) {
			if err := <-others; !errors.Is(err, test.want) {
				t.Errorf("%s: %v", test.name, err)
			}
		}
		if next, _ := g.turn(ctx); next == nil {
			t.Errorf("%s: the gate stays shut", test.name)
		}
	}
}

// A card that went out takes its PIN along.
func TestRemovalDropsThePIN(t *testing.T) {
	s := &Source{changed: make(chan struct{}), pins: map[*piv.Handle]*pinState{}}
	pin := s.pinOf(&piv.Handle{}) // of a card that is not in
	pin.keep([]byte("123456"), time.Hour, 0)
	s.adopt(&inventory{})
	if kept := pin.get(); kept != nil || !pin.kept().IsZero() {
		t.Error("the PIN is still kept")
	}
}
