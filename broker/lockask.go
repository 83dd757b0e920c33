package broker

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// lockTitle heads the windows that ask for the lock's passphrase.
const lockTitle = "keybroker"

// LockAsking locks the agent with a passphrase that the person types twice,
// where they are asked everything else.
func (b *Broker) LockAsking(ctx context.Context, peer platform.Peer) error {
	first, err := b.askLock(ctx, peer, "Lock the agent. Nothing is listed or used until it is unlocked with the same passphrase.", "Passphrase to lock with:")
	if err != nil {
		return err
	}
	defer clear(first)
	again, err := b.askLock(ctx, peer, "The same passphrase again.", "Again:")
	if err != nil {
		return err
	}
	defer clear(again)
	if !bytes.Equal(first, again) {
		return errors.New("the two passphrases differ; the agent is not locked\ntry again")
	}
	return b.Lock(peer, first)
}

// UnlockAsking undoes it.
func (b *Broker) UnlockAsking(ctx context.Context, peer platform.Peer) error {
	passphrase, err := b.askLock(ctx, peer, "Unlock the agent.", "Passphrase to unlock with:")
	if err != nil {
		return err
	}
	defer clear(passphrase)
	return b.Unlock(ctx, peer, passphrase)
}

// askLock says who wants it: any program of the person's may ask for the question.
func (b *Broker) askLock(ctx context.Context, peer platform.Peer, text, prompt string) ([]byte, error) {
	use := &keys.Use{Op: keys.OpLock, Peer: peer, Time: time.Now()}
	return b.queue.Secret(ctx, confirm.SecretQuestion{Title: lockTitle, Text: text + "\nAsked by " + peer.Chain() + ".", Prompt: prompt, Use: use})
}
