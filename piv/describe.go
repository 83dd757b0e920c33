package piv

import (
	"context"
	"errors"
	"fmt"
)

// maxReadings is how often a card may tell another number than before.
const maxReadings = 3

// Describe selects the PIV application and reads what the card holds. A
// damaged or odd object is a Problem of its slot and hides nothing else. An
// error means that the card is gone, or not a PIV card (ErrNotPIV).
func Describe(ctx context.Context, card Card) (*Token, error) {
	a, err := Select(ctx, card)
	if err != nil {
		return nil, err
	}
	return a.Describe(ctx)
}

// Describe is the function of that name on a card that is selected already.
func (a *Applet) Describe(ctx context.Context) (*Token, error) {
	d := describer{Applet: a, token: &Token{Kind: KindPIV, Label: a.Label, PINTries: -1}}
	for _, read := range []func(context.Context) error{d.yubikey, d.numbers, d.pin, d.history, d.slots} {
		if err := read(ctx); err != nil {
			return nil, fmt.Errorf("piv: describe: %w", err)
		}
	}
	d.token.ID = identityOf(d.token)
	return d.token, nil
}

// describer fills a token. Its methods return only errors that end the whole.
type describer struct {
	*Applet
	token *Token
}

// pass notes a problem with the card's data and goes on; an error of the way
// to the card ends it all.
func (d describer) pass(err error) error {
	if err == nil || fatal(err) {
		return err
	}
	if !absent(err) && !errors.Is(err, ErrNotOffered) {
		d.token.Problems = append(d.token.Problems, err.Error())
	}
	return nil
}

func (d describer) yubikey(ctx context.Context) error {
	version, err := d.Version(ctx)
	if err != nil {
		return d.pass(err)
	}
	d.token.Kind, d.token.Version = KindYubiKey, version
	d.token.Serial, err = d.Serial(ctx)
	return d.pass(err)
}

// numbers reads the CHUID until it is twice the same: by a garbled one the card would
// be taken, and remembered, for another.
func (d describer) numbers(ctx context.Context) error {
	chuid, err := d.CHUID(ctx)
	for range maxReadings {
		if fatal(err) {
			return err
		}
		again, errAgain := d.chuidStart(ctx)
		if chuid.equal(again) {
			d.token.GUID, d.token.Expires, d.token.FASCN = chuid.GUID, chuid.Expires, FASCNString(chuid.FASCN)
			return d.pass(err)
		}
		chuid, err = again, errAgain
	}
	return fmt.Errorf("%w: another number each time", ErrBadResponse)
}

func (d describer) pin(ctx context.Context) (err error) {
	if d.token.Reference, err = d.PINReference(ctx); err != nil {
		return d.pass(err)
	}
	d.token.PINTries, d.token.PINVerified, err = d.PINStatus(ctx)
	if err := d.pass(err); err != nil || !d.hasMetadata() {
		return err
	}
	metadata, err := d.PINMetadata(ctx)
	if err == nil && metadata.Tries >= 0 && d.token.Reference == PINApplication {
		d.token.PINTries, d.token.PINDefault = metadata.Tries, metadata.Default
	}
	return d.pass(err)
}

func (d describer) history(ctx context.Context) (err error) {
	d.token.History, err = d.KeyHistory(ctx)
	return d.pass(err)
}

func (d describer) hasMetadata() bool {
	return d.token.Kind == KindYubiKey && d.token.Version.AtLeast(5, 3)
}
