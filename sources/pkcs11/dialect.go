package pkcs11

import (
	"cmp"
	"context"
	"errors"
	"os"
	"time"

	"github.com/keybroker/keybroker/problem"
)

// OpenSSH 10.1 changed the helper's request to sign, and dropped the request to
// remove a token. An old helper answers that request with one byte; a new one
// ignores it. So dialect sends it, and then a request that both answer: the first
// answer shows which helper it is.
//
// A new helper that reads both requests at once handles the first, and then waits
// for more input before it handles the second. So dialect sends unknown messages
// ("pokes") until the helper answers. It uses a separate helper, which it ends,
// so that the pokes have no other effect.

const (
	// pokeInterval is the pause between two pokes.
	pokeInterval = 50 * time.Millisecond
	// dialectTimeout is for a helper that does not answer at all.
	dialectTimeout = 20 * time.Second
)

// numUnknown is the number of a message that no helper knows.
const numUnknown = 255

var errDialect = problem.New("ssh-pkcs11-helper does not answer", "check that SSH_PKCS11_HELPER names OpenSSH's helper")

// dialect starts a helper and says whether it speaks the dialect of OpenSSH 10.1.
func (c Config) dialect(ctx context.Context) (newDialect bool, err error) {
	h, err := startHelper(c)
	if err != nil {
		return false, err
	}
	return h.dialect(ctx, pokeInterval)
}

// dialect reports whether h speaks the dialect of OpenSSH 10.1. It ends h.
func (h *helper) dialect(ctx context.Context, interval time.Duration) (newDialect bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialectTimeout, errDialect)
	defer cancel()
	answers := make(chan []byte)
	go h.read(answers)
	defer h.end(answers)
	defer context.AfterFunc(ctx, func() { _ = h.conn.Close() })() // unblocks a poke that the helper does not read
	const noLibrary = os.DevNull                                  // exists, but cannot be loaded
	err = errors.Join(
		h.send(tokenMessage(numRemoveToken, noLibrary, nil)),
		h.send(tokenMessage(numAddToken, noLibrary, nil)))
	poke := time.NewTicker(interval)
	defer poke.Stop()
	for err == nil {
		select {
		case first, ok := <-answers:
			if ok {
				return len(first) > 1, nil
			}
			err = errHelper
		case <-poke.C:
			err = h.send([]byte{numUnknown})
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return false, cmp.Or(context.Cause(ctx), err) // the end of ctx closes the connection
}
