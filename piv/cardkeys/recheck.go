package cardkeys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/problem"
)

// recheckLimit bounds how long a refusal waits for its reason.
const recheckLimit = 10 * time.Second

// Recheck implements keys.Rechecker: it reads the card again.
func (s *Source) Recheck(ctx context.Context, use *keys.Use) error {
	at, ok := s.inventory().find(use.Key.Blob)
	if !ok || at.handle == nil {
		return nil
	}
	ctx, stop := context.WithTimeoutCause(ctx, recheckLimit, piv.ErrNoAnswer)
	defer stop()
	if err := s.readers.Refresh(ctx, at.handle); err != nil {
		s.cfg.Log.Warn("a card could not be read again", "card", at.card, "error", err)
		return nil
	}
	if now, ok := s.inventory().find(use.Key.Blob); ok && now.handle == at.handle && now.slot == at.slot {
		return nil
	}
	return problem.With(fmt.Errorf("another program has replaced or deleted the key in slot %s of %s", at.slot, at.card), "list the keys again and use the new one: ssh-add -L")
}

// misfits reports whether a refusal can mean that the slot's key was replaced or
// deleted.
func misfits(err error) bool {
	var refused piv.Status
	return errors.As(err, &refused) &&
		!errors.Is(err, piv.StatusSecurityNotSatisfied) && !errors.Is(err, piv.StatusConditionsOfUse) && !errors.Is(err, piv.StatusBlocked)
}
