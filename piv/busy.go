package piv

import (
	"context"
	"errors"
	"time"
)

// How long a command waits for a card that another program holds exclusively. The
// broker releases a card within two seconds; other programs may take longer.
const (
	busyLimit  = 10 * time.Second
	busyNotice = 3 * time.Second
	busyPause  = 100 * time.Millisecond
)

// WhileBusy repeats try while it returns ErrBusy, for up to busyLimit. After
// busyNotice it calls waiting, once. A try that returns ErrBusy must have sent
// nothing to the card.
func WhileBusy(ctx context.Context, waiting func(), try func() error) error {
	begin, notified := time.Now(), false
	for {
		err := try()
		waited := time.Since(begin)
		if !errors.Is(err, ErrBusy) || waited > busyLimit {
			return err
		}
		if !notified && waited > busyNotice {
			waiting()
			notified = true
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
