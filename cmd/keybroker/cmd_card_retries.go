package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/keybroker/keybroker/cardadmin"
	"github.com/keybroker/keybroker/cli"
	"github.com/spf13/cobra"
)

// maxTries is the highest count of a YubiKey. Fewer are better: each try is a guess.
const maxTries = 255

func newCardRetriesCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "retries PIN-TRIES PUK-TRIES",
		Short: "Set how many wrong PINs and PUKs block a YubiKey",
		Long: `Set how many wrong PINs and PUKs in a row block a YubiKey: 1 to 255 each.

Setting the numbers makes the card reset PIN and PUK to the factory's. So the
command sets your PIN again right after, and asks for a new PUK. If it is
interrupted: keybroker card setup.

Asked for: yes or no, the PIN, the new PUK (twice on a terminal).`,
		Example: "  keybroker card retries 5 3",
		Args:    twoTries,
		RunE: a.onCard(func(ctx context.Context, w *cardadmin.Work, args []string) error {
			pin, puk, err := readTries(args)
			if err != nil {
				return err
			}
			return w.SetRetries(ctx, pin, puk)
		}),
	}
}

func twoTries(_ *cobra.Command, args []string) error {
	_, _, err := readTries(args)
	return err
}

func readTries(args []string) (pin, puk int, err error) {
	if len(args) == 2 {
		pin, _ = strconv.Atoi(args[0])
		puk, _ = strconv.Atoi(args[1])
	}
	if min(pin, puk) < 1 || max(pin, puk) > maxTries {
		return 0, 0, cli.Usage(fmt.Errorf("give two numbers from 1 to %d: of wrong PINs, and of wrong PUKs", maxTries))
	}
	return pin, puk, nil
}
