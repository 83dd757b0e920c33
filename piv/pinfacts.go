package piv

// pinFacts is what a card tells of its PIN while it is used.
type pinFacts struct {
	tries    int // -1: not told
	verified bool
	told     bool // whether it told anything
}

// notePIN keeps the Token true: a PIN that was blocked meanwhile must not be shown
// with three tries.
func (h *Handle) notePIN() {
	token, now := h.Token(), h.applet.pin
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
	h.applet.pin = pinFacts{tries: -1}
}
