package piv

import "sync/atomic"

// login is whose PIN the card has, as far as we know.
//
//	         Verify                            Verify
//	nobody ────────▶ ours        theirs ─────────────────▶ both
//	   │                            ▲
//	   └── the card says: given ────┘
//
// It is over, and nobody's, when the card says so, with a wrong PIN, with a reset
// and with the connection. Ours alone is taken back when the card is let go: until
// then any program can sign with it. The zero value is nobody's.
type login struct{ state atomic.Int32 }

const (
	loginNobody int32 = iota
	loginOurs
	loginTheirs
	loginBoth
)

// gave notes that the card took the PIN from us, or may have.
func (l *login) gave() {
	if !l.state.CompareAndSwap(loginNobody, loginOurs) {
		l.state.CompareAndSwap(loginTheirs, loginBoth)
	}
}

// seen notes that the card says that it has the PIN.
func (l *login) seen() { l.state.CompareAndSwap(loginNobody, loginTheirs) }

// over notes that the card has it no more, and says whether it had it from us alone.
func (l *login) over() (ours bool) { return l.state.Swap(loginNobody) == loginOurs }

// mustEnd notes that the PIN has to be taken back, whoever gave it.
func (l *login) mustEnd() { l.state.Store(loginOurs) }

// given says whether we gave the PIN.
func (l *login) given() bool {
	now := l.state.Load()
	return now == loginOurs || now == loginBoth
}

// ours says whether we gave the PIN and nobody had before us.
func (l *login) ours() bool { return l.state.Load() == loginOurs }

// pinFacts is what a card tells of its PIN while it is used.
type pinFacts struct {
	tries    int // -1: not told
	verified bool
	told     bool // whether it told anything
}

// notePIN keeps the Token true: a PIN that was blocked meanwhile must not be shown
// with three tries.
func (h *Handle) notePIN() {
	token, now := h.Token(), h.session.applet.pin
	if token == nil || !now.told {
		return
	}
	fresh := *token
	fresh.PINVerified = now.verified
	if now.tries >= 0 {
		fresh.PINTries = now.tries
	}
	if fresh.PINTries != token.PINTries || fresh.PINVerified != token.PINVerified {
		h.token.CompareAndSwap(token, &fresh)
	}
	h.session.applet.pin = pinFacts{tries: -1}
}
