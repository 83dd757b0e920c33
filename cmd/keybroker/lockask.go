package main

import (
	"bytes"
	"context"
	"errors"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/platform"
)

// lockTitle heads the windows that ask for the lock's passphrase.
const lockTitle = "keybroker"

// LockAsking locks the agent with a passphrase that the person types twice,
// where they are asked everything else.
func (d *daemon) LockAsking(ctx context.Context, peer platform.Peer) error {
	first, err := d.askLock(ctx, "Lock the agent. Nothing is listed or used until it is unlocked with the same passphrase.", "Passphrase to lock with:")
	if err != nil {
		return err
	}
	defer clear(first)
	again, err := d.askLock(ctx, "The same passphrase again.", "Again:")
	if err != nil {
		return err
	}
	defer clear(again)
	if !bytes.Equal(first, again) {
		return errors.New("the two passphrases differ; the agent is not locked\ntry again")
	}
	return d.Lock(peer, first)
}

// UnlockAsking undoes it.
func (d *daemon) UnlockAsking(ctx context.Context, peer platform.Peer) error {
	passphrase, err := d.askLock(ctx, "Unlock the agent.", "Passphrase to unlock with:")
	if err != nil {
		return err
	}
	defer clear(passphrase)
	return d.Unlock(ctx, peer, passphrase)
}

func (d *daemon) askLock(ctx context.Context, text, prompt string) ([]byte, error) {
	return d.queue.Secret(ctx, confirm.SecretQuestion{Title: lockTitle, Text: text, Prompt: prompt})
}
