package cardadmin

import (
	"context"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/piv/admin"
)

// ResetWords are what a person types to lose every key on the card.
const ResetWords = "destroy all keys"

// Reset makes the PIV part of a YubiKey as it left the factory.
func (w *Work) Reset(ctx context.Context) error {
	if err := w.needYubiKey("reset"); err != nil {
		return err
	}
	var warning strings.Builder
	fmt.Fprintf(&warning, "%s will lose, for good:\n", w.token().Name())
	for _, info := range w.token().Slots {
		fmt.Fprintf(&warning, "  slot %s: %s\n", info.Slot, describeSlot(info))
	}
	warning.WriteString("  its PIN, PUK, management key, and everything else in its PIV part")
	if err := w.inWords(ctx, warning.String(), ResetWords); err != nil {
		return err
	}
	if _, err := w.yubico(ctx, admin.Request{Op: admin.OpReset}); err != nil {
		return err
	}
	fmt.Fprintf(w.say, "%s is as new. Set it up: keybroker card setup\n", w.token().Name())
	return nil
}
