package cardkeys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/problem"
)

// How long a signature may take before the person is told to touch the card. A key
// whose touch is cached (15 s) mostly answers at once. A card that does not report
// its policy may just be slow: RSA-4096 takes a second or two.
const (
	cachedTouchDelay  = 400 * time.Millisecond
	unknownTouchDelay = 2500 * time.Millisecond
)

var errNoTouch = problem.New("the card was not touched in time", "try again and touch it while it blinks")

// touching lets the card sign, and shows a notice while it waits for a touch. The
// agent verifies the signature.
func (s *Source) touching(ctx context.Context, a *piv.Applet, w *work) (*ssh.Signature, error) {
	var delay time.Duration
	switch w.slot.Touch {
	case piv.TouchNever:
		return a.SignUnverified(ctx, w.slot.Slot, w.public, w.data, w.algorithm)
	case piv.TouchCached:
		delay = cachedTouchDelay
	case piv.TouchUnknown:
		delay = unknownTouchDelay
	}
	signing, end := context.WithCancelCause(ctx)
	notified := make(chan struct{})
	go func() { defer close(notified); s.tellTouch(signing, end, w, delay) }()
	signature, err := a.SignUnverified(signing, w.slot.Slot, w.public, w.data, w.algorithm)
	refused := context.Cause(signing) // nil unless the notice or the client ended it
	end(nil)
	<-notified
	switch {
	case refused != nil:
		return nil, refused
	case err == nil && w.asking && w.consent == "" && w.slot.Touch == piv.TouchAlways:
		w.consent = "allowed by the person: touched " + w.card()
	case w.slot.Touch != piv.TouchUnknown && s.untouched(ctx, a, w, err):
		return nil, errNoTouch
	}
	return signature, err
}

// tellTouch shows the notice until the signature is made. Closing it refuses. If
// it cannot be shown, a touch is no consent.
func (s *Source) tellTouch(ctx context.Context, end context.CancelCauseFunc, w *work, delay time.Duration) {
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return
	}
	notice := keys.Notice{Title: "Touch " + w.card(), Use: w.use, Why: w.why, Text: "It signs when you touch it."}
	if w.slot.Touch == piv.TouchUnknown {
		notice.Title, notice.Text = w.card()+" is signing", "If it blinks, touch it."
	}
	err := s.cfg.Person.Notify(ctx, notice)
	switch {
	case err == nil || ctx.Err() != nil:
	case w.asking && w.consent == "" || errors.Is(err, keys.ErrRefused):
		end(fmt.Errorf("touch: %w", err))
	default:
		s.cfg.Log.Warn("the card waits for a touch, but the notice could not be shown", "card", w.card(), "error", err)
	}
}

// untouched reports whether err means a missing touch. Some cards return the same
// status word for a missing PIN.
func (s *Source) untouched(ctx context.Context, a *piv.Applet, w *work, err error) bool {
	switch {
	case errors.Is(err, piv.StatusConditionsOfUse), errors.Is(err, piv.StatusNotAllowed), errors.Is(err, piv.StatusNotTouched):
		return true
	case !errors.Is(err, piv.StatusSecurityNotSatisfied):
		return false
	case w.slot.PIN == piv.PINNever:
		return true
	}
	_, verified, err := a.PINStatus(ctx)
	return err == nil && verified
}
