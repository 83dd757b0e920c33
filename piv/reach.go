package piv

import (
	"bytes"
	"context"
	"fmt"
)

// open finds the PIV application on a new connection. token describes the card, if
// it is known. sure means that the card has returned token's number. The error is
// Select's.
func open(ctx context.Context, card Card, token *Token) (a *Applet, sure bool, err error) {
	a = newApplet(card)
	a.token = token
	there, err := a.isThere(ctx)
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("select: %w", err)
	case !there:
		if a, err = Select(ctx, card); err != nil {
			return nil, false, err
		}
		a.token = token
	}
	if token != nil {
		a.reference, a.known = token.Reference, true
	}
	return a, there && token.numbered(), nil
}

// reach makes sure that PIV answers, and says whether it had to select it. It does
// not select PIV needlessly: on YubiKeys and other cards, that ends every program's
// login.
func (a *Applet) reach(ctx context.Context) (selected bool, err error) {
	there, err := a.isThere(ctx)
	if err == nil && !there {
		_, err = a.selectPIV(ctx)
	}
	if err != nil {
		return false, fmt.Errorf("select again: %w", err)
	}
	a.stale = false
	return !there, nil
}

// isThere sends a command that only the PIV application can answer: it reads the
// number of this card or, if it has none, the Discovery Object, which names the
// application.
func (a *Applet) isThere(ctx context.Context) (bool, error) {
	if a.token.numbered() {
		chuid, err := a.chuidStart(ctx)
		return err == nil && a.token.has(chuid), fatalOnly(err)
	}
	data, err := a.link.exchange(ctx, getData(objectDiscovery))
	if err != nil {
		return false, fatalOnly(err)
	}
	discovery, _ := find(data, objectDiscovery)
	aid, _ := find(discovery, 0x4F)
	return bytes.HasPrefix(aid, aidPIV), nil
}

// numbered reports whether the card has a number in its CHUID.
func (t *Token) numbered() bool { return t != nil && (t.GUID != GUID{} || t.FASCN != "") }

// has reports whether a CHUID has this card's number.
func (t *Token) has(chuid CHUID) bool {
	return chuid.GUID == t.GUID && FASCNString(chuid.FASCN) == t.FASCN
}
