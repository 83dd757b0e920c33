package piv

import "sync/atomic"

// login records who gave the card its PIN, as far as we know.
//
//	         Verify                            Verify
//	nobody ────────▶ ours        theirs ─────────────────▶ both
//	   │                            ▲
//	   └── the card says: given ────┘
//
// It becomes nobody's when the card says so, and after a wrong PIN, a reset or a
// lost connection. If it is ours alone, we clear it when we release the card: until
// then any program can sign with it. The zero value is nobody's.
type login struct{ state atomic.Int32 }

const (
	loginNobody int32 = iota
	loginOurs
	loginTheirs
	loginBoth
)

// gave records that we gave the PIN, or may have.
func (l *login) gave() {
	if !l.state.CompareAndSwap(loginNobody, loginOurs) {
		l.state.CompareAndSwap(loginTheirs, loginBoth)
	}
}

// seen records that the card reports the PIN as given.
func (l *login) seen() { l.state.CompareAndSwap(loginNobody, loginTheirs) }

// over records that the card no longer has the PIN, and says whether only we gave it.
func (l *login) over() (ours bool) { return l.state.Swap(loginNobody) == loginOurs }

// mustEnd records that the PIN must be cleared, whoever gave it.
func (l *login) mustEnd() { l.state.Store(loginOurs) }

// given reports whether we gave the PIN.
func (l *login) given() bool {
	now := l.state.Load()
	return now == loginOurs || now == loginBoth
}

// ours reports whether only we gave the PIN.
func (l *login) ours() bool { return l.state.Load() == loginOurs }

// pinFacts is what a card reports about its PIN during use.
type pinFacts struct {
	tries    int // -1: not reported
	verified bool
	known    bool // the card reported anything
}

// notePIN updates the Token's PIN state: a PIN that was blocked since must not be
// shown with three tries.
func (h *Handle) notePIN() {
	token, now := h.Token(), h.session.applet.pin
	if token == nil || !now.known {
		return
	}
	updated := *token
	updated.PINVerified = now.verified
	if now.tries >= 0 {
		updated.PINTries = now.tries
	}
	if updated.PINTries != token.PINTries || updated.PINVerified != token.PINVerified {
		h.token.CompareAndSwap(token, &updated)
	}
	h.session.applet.pin = pinFacts{tries: -1}
}
