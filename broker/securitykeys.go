package broker

import (
	"context"
	"errors"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/sources/fido"
)

// askKeyPIN asks for the PIN of a security key as the person is asked everything else.
func (b *Broker) askKeyPIN(ctx context.Context, use *keys.Use, title, text string) ([]byte, error) {
	return b.queue.Secret(ctx, confirm.SecretQuestion{Title: title, Text: text, Prompt: "PIN:", Use: use, Facts: true, History: b.before(use)})
}

// notifyTouch tells the person to touch a security key.
func (b *Broker) notifyTouch(ctx context.Context, use *keys.Use, title, text string) error {
	err := b.queue.Notify(ctx, confirm.Notice{Title: title, Text: text, Use: use, History: b.before(use)})
	if errors.Is(err, confirm.ErrClosed) {
		return fido.ErrRefused
	}
	return err
}
