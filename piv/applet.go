package piv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Application identifiers. The PIV one is sent without its version, so that
// every version answers (SP 800-73-4 part 1 section 2.2).
var (
	aidPIV = []byte{0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00}
	// The applets of the Common Access Card before PIV (GSC-IS 2.1):
	// the identity certificate's and the card capability container.
	aidCAC = [][]byte{
		{0xA0, 0x00, 0x00, 0x00, 0x79, 0x01, 0x00},
		{0xA0, 0x00, 0x00, 0x01, 0x16, 0xDB, 0x00},
	}
	// Other applications on most cards: GlobalPlatform's card manager, Yubico's
	// management. Selecting one ends PIV's session.
	aidOther = [][]byte{
		{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00},
		{0xA0, 0x00, 0x00, 0x05, 0x27, 0x47, 0x11, 0x17},
	}
)

// ErrNotPIV means that the card has no PIV application.
var ErrNotPIV = errors.New("not a PIV card")

// ErrOldCAC means that the card is a CAC older than PIV.
var ErrOldCAC = fmt.Errorf("%w: an old CAC without the PIV application", ErrNotPIV)

// Applet is the PIV application on one card. One goroutine at a time may use it,
// as long as the connection to the card lasts.
type Applet struct {
	Label string // from the application property template; "" if it has none

	link *link
	// token describes the card; nil before Describe.
	token *Token
	// stale means that another program may have selected another application
	// since the last use.
	stale bool
	// reference is the PIN's key reference from the Discovery Object.
	reference PINReference
	known     bool     // reference was read
	login     *login   // who gave the card its PIN
	pin       pinFacts // the card's last answer about the PIN
}

func newApplet(card Card) *Applet {
	return &Applet{link: newLink(card), login: &login{}, pin: pinFacts{tries: -1}}
}

// Select selects the PIV application. It returns ErrNotPIV or ErrOldCAC if the
// card has none.
func Select(ctx context.Context, card Card) (*Applet, error) {
	a := newApplet(card)
	template, err := a.selectPIV(ctx)
	if notOffered(err) {
		return nil, a.whatElse(ctx, err)
	}
	if err != nil {
		return nil, fmt.Errorf("select: %w", err)
	}
	a.Label = labelOf(template)
	return a, nil
}

func (a *Applet) selectPIV(ctx context.Context) ([]byte, error) { return a.selectAID(ctx, aidPIV) }

func (a *Applet) selectAID(ctx context.Context, aid []byte) ([]byte, error) {
	return a.link.exchange(ctx, command{ins: insSelect, p1: 0x04, data: aid, want: shortAnswer})
}

// whatElse says what a card without the PIV application is.
func (a *Applet) whatElse(ctx context.Context, refused error) error {
	for _, aid := range aidCAC {
		if _, err := a.selectAID(ctx, aid); err == nil {
			return ErrOldCAC
		}
	}
	return fmt.Errorf("%w: %w", ErrNotPIV, refused)
}

// labelOf reads the application property template (SP 800-73-4 part 2 table 3).
func labelOf(response []byte) string {
	template, _ := find(response, 0x61)
	label, _ := find(template, 0x50)
	return printable(label)
}

// call sends one command to the PIV application. If another program may have
// selected another application, call checks that before a secret command. It
// sends any other command first and checks only after a refusal, which is rare.
func (a *Applet) call(ctx context.Context, c command) ([]byte, error) {
	if a.stale && c.secret {
		if _, err := a.reach(ctx); err != nil {
			return nil, err
		}
	}
	data, err := a.link.exchange(ctx, c)
	var refused Status
	if !a.stale || !errors.As(err, &refused) {
		return data, err
	}
	selected, errReach := a.reach(ctx)
	switch {
	case errReach != nil:
		return nil, errReach
	case !selected: // PIV itself refused
		return data, err
	}
	return a.link.exchange(ctx, c)
}

// object reads one data object with GET DATA (SP 800-73-4 part 2 section 3.1.2),
// without its outer tag 53. The error wraps StatusNotFound if there is none.
func (a *Applet) object(ctx context.Context, object tag) ([]byte, error) {
	data, err := a.call(ctx, getData(object))
	if err != nil {
		return nil, err
	}
	return unwrap(data, object)
}

func getData(object tag) command {
	list := appendTLV(nil, 0x5C, appendTag(nil, object))
	return command{ins: insGetData, p1: 0x3F, p2: 0xFF, data: list, want: longAnswer}
}

// unwrap removes the tag 53, or the Discovery Object's own tag. A deleted object
// may be left empty.
func unwrap(data []byte, object tag) ([]byte, error) {
	outer := tag(0x53)
	if object == objectDiscovery {
		outer = objectDiscovery
	}
	value, err := required(data, outer)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimLeft(value, "\x00")) == 0 {
		return nil, StatusNotFound
	}
	return value, nil
}
