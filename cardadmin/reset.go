package cardadmin

import (
	"context"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/piv"
)

// ResetWords are what the person types to destroy every key on the card.
const ResetWords = "destroy all keys"

// Reset returns the PIV part of a YubiKey to its factory state.
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
	if err := w.confirmInWords(ctx, warning.String(), ResetWords); err != nil {
		return err
	}
	w.strange = true
	if err := w.yubico(ctx, false, func(ctx context.Context, a *piv.Applet) error { return a.Reset(ctx) }); err != nil {
		return err
	}
	fmt.Fprintf(w.say, "%s is in its factory state. Set it up: keybroker card setup\n", w.token().Name())
	return nil
}
