package piv

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// maxReadings bounds how often a card may report a different number.
const maxReadings = 3

// Describe reads the contents of the card, on which PIV is selected. A damaged
// object becomes a Problem of its slot and hides nothing else. An error means that
// the card is gone or is not a PIV card (ErrNotPIV).
func (a *Applet) Describe(ctx context.Context) (*Token, error) {
	d := newDescription()
	for !d.done() {
		if err := d.step(ctx, a); err != nil {
			return nil, err
		}
	}
	return d.now(), nil
}

// description reads a card in steps, between which other programs can use it:
// first the card's numbers, then slot 9A, then the rest.
type description struct {
	token *Token
	steps []func(describer, context.Context) error // still to do
}

func newDescription() *description {
	d := &description{token: &Token{Kind: KindPIV, PINTries: -1}}
	d.steps = append(d.steps, describer.yubikey, describer.numbers, describer.pin)
	for _, slot := range Slots() {
		d.steps = append(d.steps, func(d describer, ctx context.Context) error { return d.add(ctx, slot) })
	}
	d.steps = append(d.steps, describer.history)
	return d
}

func (d *description) done() bool { return len(d.steps) == 0 }

// step does the next step. A failed step can be repeated.
func (d *description) step(ctx context.Context, a *Applet) error {
	if err := d.steps[0](describer{a, d.token}, ctx); err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	d.token.Label = cmp.Or(a.Label, d.token.Label)
	d.steps = d.steps[1:]
	return nil
}

// now returns the contents read so far.
func (d *description) now() *Token {
	token := *d.token
	token.Slots, token.Problems = slices.Clone(token.Slots), slices.Clone(token.Problems)
	token.ID, token.Reading = identityOf(&token), !d.done()
	return &token
}

// describer fills a token. Its methods return only errors that end the step.
type describer struct {
	*Applet
	token *Token
}

// pass records a problem with the card's data and returns nil. It returns an error
// of the connection, which ends the reading.
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

// numbers reads the CHUID until two readings agree: with a garbled one, the card
// would be mistaken for another and remembered as such.
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
	return fmt.Errorf("%w: a different card number each time", ErrBadResponse)
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
