package piv

import (
	"context"
	"fmt"
)

// Limits on the memory and time that a card can cost us.
const (
	// maxResponse bounds a response with all its parts. Certificates are under
	// 4 KiB; the largest object of SP 800-73-4 (the facial image, which is not
	// read here) has 12,710 bytes.
	maxResponse = 32 << 10
	// maxRounds bounds the GET RESPONSE commands for one response: every card
	// sends more than 64 bytes at once.
	maxRounds = maxResponse / 64
	// maxCommand bounds the data of one command: an RSA-4096 block is 520
	// bytes, a certificate under 4 KiB.
	maxCommand = 16 << 10
)

// link sends commands of any length over a Card: chaining, GET RESPONSE, the right
// Le, T=0, extended length. One goroutine at a time may use it.
type link struct {
	card     Card
	t0       bool
	extended bool // the card accepts extended length; false for good after a refusal
}

func newLink(card Card) *link {
	l := &link{card: card}
	if teller, ok := card.(protocolTeller); ok {
		l.t0 = teller.T0()
	}
	if teller, ok := card.(atrTeller); ok && !l.t0 {
		l.extended = takesExtended(teller.ATR())
	}
	return l
}

// exchange sends one command and returns the whole response. If the card refused,
// the error is a Status, and the response holds the data that it sent anyway.
func (l *link) exchange(ctx context.Context, c command) ([]byte, error) {
	data, status, err := l.begin(ctx, c)
	if err != nil {
		return nil, err
	}
	return l.collect(ctx, data, status)
}

// first is exchange without GET RESPONSE: it returns the first part of a long
// response.
func (l *link) first(ctx context.Context, c command) ([]byte, error) {
	data, status, err := l.begin(ctx, c)
	if err == nil && status.sw1() == 0x61 && len(data) == 0 { // T=0
		data, status, err = l.getResponse(ctx, leOf(status))
	}
	if err == nil && status.sw1() != 0x61 {
		err = status.asError()
	}
	return data, err
}

// begin sends the command in a form that the card accepts. If the card refuses
// extended length, begin sends the command again as short ones: PIV cards must
// support chaining (SP 800-73-4 part 2 section 2.4).
func (l *link) begin(ctx context.Context, c command) ([]byte, Status, error) {
	if len(c.data) > maxCommand {
		return nil, 0, fmt.Errorf("command of %d bytes: at most %d", len(c.data), maxCommand)
	}
	if l.extended && !c.secret && (len(c.data) > maxShortData || c.want == longAnswer) {
		data, status, err := l.send(ctx, c.extended())
		switch {
		case ctx.Err() != nil, gone(err), err == nil && !refusesExtended(status):
			return data, status, err
		}
		l.extended = err == nil && status.sw1() == 0x6C // it only wants another Le
	}
	return l.chain(ctx, c)
}

func refusesExtended(s Status) bool {
	return s.sw1() == 0x6C || s == StatusWrongLength || s == StatusNoClass || s == StatusNoInstruction || s == StatusNoDiagnosis
}

// chain sends all but the last part with the chaining bit (ISO 7816-4 section 5.3.3).
func (l *link) chain(ctx context.Context, c command) ([]byte, Status, error) {
	for len(c.data) > maxShortData {
		part := command{cla: c.cla | claChained, ins: c.ins, p1: c.p1, p2: c.p2, data: c.data[:maxShortData]}
		data, status, err := l.send(ctx, part.short(0, l.t0))
		if err != nil || status != statusOK {
			return data, status, err
		}
		c.data = c.data[maxShortData:]
	}
	return l.short(ctx, c)
}

// short sends one short command. If the card answers 6Cxx, it has done nothing yet
// (ISO 7816-4 section 5.6), and short sends the command again with the right Le.
func (l *link) short(ctx context.Context, c command) ([]byte, Status, error) {
	data, status, err := l.send(ctx, c.short(c.le(), l.t0))
	if err != nil || status.sw1() != 0x6C || c.secret {
		return data, status, err
	}
	return l.send(ctx, c.short(leOf(status), l.t0))
}

// leOf reads the length in 61xx and 6Cxx: 00 stands for 256.
func leOf(s Status) int {
	if n := int(s.sw2()); n != 0 {
		return n
	}
	return maxShortLe
}

// collect reads the rest of a response while the card reports more.
func (l *link) collect(ctx context.Context, all []byte, status Status) ([]byte, error) {
	for round := 0; ; round++ {
		switch {
		case len(all) > maxResponse:
			return nil, fmt.Errorf("%w: more than %d bytes", ErrBadResponse, maxResponse)
		case status.sw1() != 0x61:
			return all, status.asError()
		case round == maxRounds:
			return nil, fmt.Errorf("%w: more than %d parts", ErrBadResponse, maxRounds)
		}
		part, next, err := l.getResponse(ctx, leOf(status))
		if err != nil {
			return nil, err
		}
		if len(part) == 0 && next.sw1() == 0x61 {
			return nil, fmt.Errorf("%w: an empty part", ErrBadResponse)
		}
		all, status = append(all, part...), next
	}
}

func (l *link) getResponse(ctx context.Context, le int) ([]byte, Status, error) {
	c := command{ins: insGetResponse}
	data, status, err := l.send(ctx, c.short(le, l.t0))
	if err != nil || status.sw1() != 0x6C {
		return data, status, err
	}
	return l.send(ctx, c.short(leOf(status), l.t0))
}

// send transmits one encoded APDU and wipes it: it may hold a PIN.
func (l *link) send(ctx context.Context, apdu []byte) ([]byte, Status, error) {
	defer clear(apdu)
	if ctx.Err() != nil {
		return nil, 0, &TransmitError{context.Cause(ctx)}
	}
	response, err := l.card.Transmit(ctx, apdu)
	if err != nil {
		return nil, 0, &TransmitError{err}
	}
	return splitResponse(response)
}
