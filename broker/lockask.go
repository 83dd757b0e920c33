package broker

import (
	"bytes"
	"context"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// lockTitle is the title of the windows that ask for the lock's passphrase.
const lockTitle = "keybroker"

// LockAsking locks the agent with a passphrase that the person types twice, into the
// usual prompt.
func (b controlAPI) LockAsking(ctx context.Context, peer platform.Peer) error {
	if err := b.server.MayLock(); err != nil {
		return err
	}
	first, err := b.person.askLock(ctx, peer, "Lock the agent. Nothing is listed or used until it is unlocked with the same passphrase.", "Passphrase to lock with:")
	if err != nil {
		return err
	}
	defer clear(first)
	again, err := b.person.askLock(ctx, peer, "Type the same passphrase again.", "Again:")
	if err != nil {
		return err
	}
	defer clear(again)
	if !bytes.Equal(first, again) {
		return problem.New("the two passphrases differ; the agent is not locked", "try again")
	}
	return b.Lock(peer, first)
}

// UnlockAsking undoes LockAsking.
func (b controlAPI) UnlockAsking(ctx context.Context, peer platform.Peer) error {
	if err := b.server.MayUnlock(); err != nil {
		return err
	}
	passphrase, err := b.person.askLock(ctx, peer, "Unlock the agent.", "Passphrase to unlock with:")
	if err != nil {
		return err
	}
	defer clear(passphrase)
	return b.Unlock(ctx, peer, passphrase)
}
