package piv

import (
	"context"
	"errors"
	"time"
)

// How long a person's own command waits for a card that another program holds
// exclusively. The broker lets one go within two seconds, others when they please.
const (
	busyLimit  = 10 * time.Second
	busyNotice = 3 * time.Second
	busyPause  = 100 * time.Millisecond
)

// WhileBusy tries until the error is not ErrBusy, for ten seconds. After three it
// calls waiting, once. try must have sent nothing to the card when it returns
// ErrBusy.
func WhileBusy(ctx context.Context, waiting func(), try func() error) error {
	begin, told := time.Now(), false
	for {
		err := try()
		since := time.Since(begin)
		if !errors.Is(err, ErrBusy) || since > busyLimit {
			return err
		}
		if !told && since > busyNotice {
			waiting()
			told = true
		}
		select {
		case <-time.After(busyPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
