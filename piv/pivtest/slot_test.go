package pivtest

import (
	"fmt"
	"net"
	"testing"
)

// reader plays vpcd: it says messages to the card in a slot.
type reader struct {
	t    *testing.T
	l    net.Listener
	conn net.Conn
}

func newReader(t *testing.T) (*reader, *Slot) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &reader{t: t, l: l}, NewSlot(l.Addr().String())
}

// next takes the next connection, once the one before is closed.
func (r *reader) next() {
	r.t.Helper()
	if r.conn != nil {
		if m, err := readMessage(r.conn); err == nil {
			r.t.Fatalf("the card says %x and does not hang up", m)
		}
		r.conn.Close()
	}
	var err error
	if r.conn, err = r.l.Accept(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) say(messages ...string) {
	r.t.Helper()
	for _, m := range messages {
		if err := writeMessage(r.conn, []byte(m)); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *reader) hear(want []byte) {
	r.t.Helper()
	if got, err := readMessage(r.conn); err != nil || string(got) != string(want) {
		r.t.Fatalf("the card says %x, %v", got, err)
	}
}

const (
	on  = "\x01"
	atr = "\x04"
)

// powered is what pcscd says to a new card.
func (r *reader) powered(c *Card) {
	r.t.Helper()
	for _, m := range []string{atr, atr, on, atr} {
		r.say(m)
		if m == atr {
			r.hear(c.ATR())
		}
	}
}

// TestUnseen: a card that pcscd takes for the one before hangs up, and comes again.
func TestUnseen(t *testing.T) {
	for i, unseen := range [][]string{{atr, atr, atr}, {atr, "\x00\xfd\x00\x00\x00"}, {atr}} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			r, slot := newReader(t)
			card := NewCard(t, YubiKey5())
			if err := slot.Insert(t.Context(), card); err != nil {
				t.Fatal(err)
			}
			r.next()
			for n, m := range unseen {
				r.say(m)
				if m == atr && n < 2 {
					r.hear(card.ATR())
				}
			}
			if i == 2 {
				r.say(on, atr) // seen after all
				r.hear(card.ATR())
			} else {
				r.next()
				r.powered(card)
			}
			end(t, r, slot)
		})
	}
}

// TestExchange: before another card comes, the reader finds the slot empty.
func TestExchange(t *testing.T) {
	for _, last := range []string{atr, "\x00\xfd\x00\x00\x00"} {
		r, slot := newReader(t)
		one, two := NewCard(t, YubiKey5()), NewCard(t, GovernmentPIV())
		if err := slot.Insert(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		r.next()
		r.powered(one)
		slot.Remove()
		r.say(last)
		inserted := make(chan error, 1)
		go func() { inserted <- slot.Insert(t.Context(), two) }()
		if last != atr {
			r.next() // the empty slot shows itself
			r.say(atr)
		}
		r.next()
		if err := <-inserted; err != nil {
			t.Fatal(err)
		}
		r.powered(two)
		end(t, r, slot)
	}
}

func end(t *testing.T, r *reader, slot *Slot) {
	t.Helper()
	slot.Remove()
	r.conn.Close()
	slot.wait()
}
