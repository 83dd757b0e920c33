package main

import (
	"context"
	"errors"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/sources/fido"
)

// askKeyPIN asks for the PIN of a security key as the person is asked everything else.
func (d *daemon) askKeyPIN(ctx context.Context, use *keys.Use, title, text string) ([]byte, error) {
	return d.queue.Secret(ctx, confirm.SecretQuestion{Title: title, Text: text, Prompt: "PIN:", Use: use, Facts: true, History: d.before(use)})
}

// notifyTouch tells the person to touch a security key.
func (d *daemon) notifyTouch(ctx context.Context, use *keys.Use, title, text string) error {
	err := d.queue.Notify(ctx, confirm.Notice{Title: title, Text: text, Use: use, History: d.before(use)})
	if errors.Is(err, confirm.ErrClosed) {
		return fido.ErrRefused
	}
	return err
}
