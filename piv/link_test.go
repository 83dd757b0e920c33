package piv

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

// cut answers with data in pieces, as a card does that has more than fits.
type cut struct {
	data  []byte
	piece int
	calls int
}

func (c *cut) Transmit(context.Context, []byte) ([]byte, error) {
	c.calls++
	n := min(c.piece, len(c.data))
	out := append([]byte(nil), c.data[:n]...)
	c.data = c.data[n:]
	if left := len(c.data); left > 0 {
		return append(out, 0x61, byte(min(left, 255))), nil
	}
	return append(out, 0x90, 0x00), nil
}

func TestResponseInParts(t *testing.T) {
	whole := bytes.Repeat([]byte("0123456789abcdef"), 100)
	l := newLink(&cut{data: whole, piece: 255})
	got, err := l.exchange(t.Context(), getData(objectCHUID))
	if err != nil || !bytes.Equal(got, whole) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A hostile card gets neither our memory nor our time.
func TestResponseLimits(t *testing.T) {
	for name, c := range map[string]*cut{
		"too long":       {data: make([]byte, maxResponse+1), piece: 4096},
		"too many parts": {data: make([]byte, maxRounds+2), piece: 1},
		"empty parts":    {data: make([]byte, 10), piece: 0},
	} {
		_, err := newLink(c).exchange(t.Context(), getData(objectCHUID))
		if !errors.Is(err, ErrBadResponse) {
			t.Errorf("%s: %v", name, err)
		}
		if c.calls > maxRounds+1 {
			t.Errorf("%s: %d commands", name, c.calls)
		}
	}
	fits := &cut{data: make([]byte, maxResponse), piece: 256}
	if _, err := newLink(fits).exchange(t.Context(), getData(objectCHUID)); err != nil {
		t.Error(err)
	}
}

func TestLink(t *testing.T) {
	long := bytes.Repeat([]byte{0xAB}, 300)
	hex := func(n int) string {
		text := ""
		for range n {
			text += "AB"
		}
		return text
	}
	for name, test := range map[string]struct {
		t0, extended bool
		command      command
		lines        []string
		want         string
		err          error
	}{
		"case 1": {command: command{ins: 0x20, p2: 0x80}, lines: []string{"> 00200080", "< 63C3"}, err: Status(0x63C3)},
		"case 1, T=0": {t0: true, command: command{ins: 0x20, p2: 0x80},
			lines: []string{"> 0020008000", "< 9000"}},
		"case 2": {command: command{ins: 0xFD, want: shortAnswer}, lines: []string{"> 00FD000000", "< 0507019000"}, want: "050701"},
		"case 3": {command: command{ins: 0x20, p2: 0x80, data: []byte{1, 2}}, lines: []string{"> 00200080020102", "< 9000"}},
		"case 4": {command: command{ins: 0xA4, p1: 4, data: []byte{1, 2}, want: shortAnswer},
			lines: []string{"> 00A4040002010200", "< 779000"}, want: "77"},
		"case 4, T=0": {t0: true, command: command{ins: 0xA4, p1: 4, data: []byte{1, 2}, want: shortAnswer},
			lines: []string{"> 00A40400020102", "< 6101", "> 00C0000001", "< 779000"}, want: "77"},
		"right Le": {command: command{ins: 0xF8, want: shortAnswer},
			lines: []string{"> 00F8000000", "< 6C04", "> 00F8000004", "< 010203049000"}, want: "01020304"},
		"right Le of GET RESPONSE": {t0: true, command: command{ins: 0xCB, data: []byte{1}, want: longAnswer},
			lines: []string{"> 00CB00000101", "< 6100", "> 00C0000000", "< 6C02", "> 00C0000002", "< 01029000"}, want: "0102"},
		"wrong Le twice": {command: command{ins: 0xF8, want: shortAnswer},
			lines: []string{"> 00F8000000", "< 6C04", "> 00F8000004", "< 6C05"}, err: Status(0x6C05)},
		"chain": {command: command{ins: 0x87, data: long, want: longAnswer},
			lines: []string{"> 10870000FF" + hex(255), "< 9000", "> 008700002D" + hex(45) + "00", "< 119000"}, want: "11"},
		"chain that is refused": {command: command{ins: 0x87, data: long, want: longAnswer},
			lines: []string{"> 10870000FF" + hex(255), "< 6884"}, err: StatusNoChaining},
		"extended": {extended: true, command: command{ins: 0x87, data: long, want: longAnswer},
			lines: []string{"> 0087000000012C" + hex(300) + "0000", "< 119000"}, want: "11"},
		"extended that is refused": {extended: true, command: command{ins: 0x87, data: long, want: longAnswer},
			lines: []string{"> 0087000000012C" + hex(300) + "0000", "< 6700",
				"> 10870000FF" + hex(255), "< 9000", "> 008700002D" + hex(45) + "00", "< 119000"}, want: "11"},
		"extended that is refused with a reason": {extended: true, command: command{ins: 0x87, data: long, want: longAnswer},
			lines: []string{"> 0087000000012C" + hex(300) + "0000", "< 6982"}, err: StatusSecurityNotSatisfied},
		"a secret is never extended, nor sent twice": {extended: true,
			command: command{ins: 0x20, data: []byte{1}, secret: true, want: longAnswer},
			lines:   []string{"> 00200000010100", "< 6C04"}, err: Status(0x6C04)},
		"no status": {command: command{ins: 0x20}, lines: []string{"> 00200000", "< 90"}, err: ErrBadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			card := &script{t: t, lines: test.lines}
			l := &link{card: card, t0: test.t0, extended: test.extended}
			got, err := l.exchange(t.Context(), test.command)
			if !errors.Is(err, test.err) || (test.err == nil && err != nil) {
				t.Errorf("error %v, want %v", err, test.err)
			}
			if want := unhex(t, test.want); !bytes.Equal(got, want) {
				t.Errorf("got %x, want %x", got, want)
			}
			card.end()
		})
	}
}

// wiped keeps the buffer that it was given, as no Card may.
type wiped struct{ seen []byte }

func (w *wiped) Transmit(_ context.Context, apdu []byte) ([]byte, error) {
	w.seen = apdu
	return []byte{0x90, 0x00}, nil
}

func TestCommandsAreWiped(t *testing.T) {
	card := &wiped{}
	a := newApplet(card)
	a.known, a.reference = true, PINApplication
	if err := a.Verify(t.Context(), []byte("123456")); err != nil {
		t.Fatal(err)
	}
	if len(card.seen) != 4+1+MaxPIN || !bytes.Equal(card.seen, make([]byte, len(card.seen))) {
		t.Errorf("left behind: %x", card.seen)
	}
}

func TestCancelledBeforeItIsSent(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrClosed)
	_, err := newLink(&script{t: t}).exchange(ctx, command{ins: 0x20})
	wantError(t, err, ErrClosed)
	if !fatal(err) {
		t.Error("counts as an answer of the card")
	}
}

func TestExtendedLengthFromATR(t *testing.T) {
	for name, test := range map[string]struct {
		atr  string
		want bool
	}{
		"YubiKey 5":         {"3BFD1300008131FE158073C021C057597562694B657940", true},
		"JCOP":              {"3BD518FF8191FE1FC38073C821100A", false},
		"no capabilities":   {"3B80800101", false},
		"T=0, other format": {"3B690000504956544553542D30", false},
		"empty":             {"", false},
		"cut":               {"3BFD1300008131FE15", false},
		"lies about length": {"3B0F8073C0", false},
		"TLV too long":      {"3B02807F", false},
	} {
		if got := takesExtended(unhex(t, test.atr)); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzLink: any sequence of responses ends, within the limits.
func FuzzLink(f *testing.F) {
	seeds := [][]byte{{0x90, 0x00}, {0x61, 0x10}, {0x6C, 0x04}, {1, 2, 3, 0x61, 0x00}, {}, {0x6A, 0x82}}
	for _, seed := range seeds {
		f.Add(seed, true, true)
		f.Add(seed, false, false)
	}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, response []byte, t0, extended bool) {
		n := 0
		card := cardFunc(func([]byte) []byte { n++; return response })
		l := &link{card: card, t0: t0, extended: extended}
		data, err := l.exchange(t.Context(), command{ins: 0xCB, data: make([]byte, 300), want: longAnswer})
		if n > 2*maxRounds+8 || len(data) > maxResponse {
			t.Errorf("%d commands, %d bytes, %v", n, len(data), err)
		}
		if takesExtended(response) && len(response) < 5 {
			t.Error("read beyond the end")
		}
	})
}

// cardFunc is a Card that never fails.
type cardFunc func([]byte) []byte

func (f cardFunc) Transmit(_ context.Context, apdu []byte) ([]byte, error) {
	return append([]byte(nil), f(apdu)...), nil
}
