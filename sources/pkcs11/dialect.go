package pkcs11

import (
	"cmp"
	"context"
	"errors"
	"os"
	"time"

	"github.com/keybroker/keybroker/problem"
)

// Helpers since OpenSSH 10.1 want other requests to sign than those before. The
// later ones have no request to remove a token and pass over it, the earlier ones
// answer it with one byte; so it tells them apart, with a second request behind
// it that both answer. But a later helper that reads both requests at once
// handles the first and then waits for more input before it handles the
// second. So a helper of its own is asked, and poked until it answers; what
// else the pokes do does not matter, because it is ended then.

const (
	// pokeInterval is how long it takes to learn the dialect in that case.
	pokeInterval = 50 * time.Millisecond
	// dialectTime is for a helper that does not answer at all.
	dialectTime = 20 * time.Second
)

// numUnknown is a message that no helper knows.
const numUnknown = 255

var errDialect = problem.New("ssh-pkcs11-helper does not answer", "check that it is OpenSSH's: SSH_PKCS11_HELPER")

// dialect says whether the helper speaks the dialect of OpenSSH 10.1.
func (c Config) dialect(ctx context.Context) (newish bool, err error) {
	h, err := startHelper(c)
	if err != nil {
		return false, err
	}
	return h.dialect(ctx, pokeInterval)
}

// dialect ends the helper.
func (h *helper) dialect(ctx context.Context, interval time.Duration) (newish bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialectTime, errDialect)
	defer cancel()
	answers := make(chan []byte)
	go h.read(answers)
	defer h.end(answers)
	defer context.AfterFunc(ctx, func() { _ = h.conn.Close() })() // a helper that reads nothing lets no poke through
	const noLibrary = os.DevNull                                  // it is there, and cannot be loaded
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
