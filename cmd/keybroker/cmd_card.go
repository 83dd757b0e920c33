package main

import (
	"context"
	"fmt"
	"os"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

func newCardCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "card",
		Short: "Set up and look after YubiKeys and other PIV smartcards",
		Long: `Set up and look after YubiKeys and other PIV smartcards. The broker need not run, but for list, info and forget.

PINs, PUKs and confirmations are asked for on the terminal, PINs without echo.
Where standard input is no terminal they are read from it, one line each, in the
order in which they are asked for. They are never arguments or variables, which
other programs can read.`,
		Example: `  keybroker card setup                    a new YubiKey, or one that is in use
  keybroker card generate --slot 9c       one more key
  keybroker card pin change               on any PIV card`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&a.card, "card", "", "which card, when there are several: "+cardGrammar)
	_ = cmd.RegisterFlagCompletionFunc("card", a.completeCards)
	cmd.AddCommand(newCardListCommand(a), newCardInfoCommand(a), newCardForgetCommand(a),
		newCardSetupCommand(a), newCardGenerateCommand(a), newCardCertificateCommand(a), newCardPINCommand(a), newCardPUKCommand(a), newCardRetriesCommand(a), newCardAttestCommand(a),
		newCardResetCommand(a), newCardHelperCommand())
	return cmd
}

// onCard is a command's RunE: it finds the card, has do work on it, and lets
// it go.
func (a *app) onCard(do func(ctx context.Context, w *cardWork, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if !piv.CompiledIn {
			return withRemedy(piv.ErrNotCompiledIn)
		}
		if err := harden(); err != nil { // PINs and management keys pass through this process
			return err
		}
		ctx := cmd.Context()
		w, err := a.openCard(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		if err != nil {
			return withRemedy(err)
		}
		defer w.close()
		err = do(ctx, w, args)
		if w.changed {
			a.tellDaemon(ctx, w)
		}
		return withRemedy(err)
	}
}

// tellDaemon has a running broker read the cards again, and then forget what it
// knew this one by when that is no more.
func (a *app) tellDaemon(ctx context.Context, w *cardWork) {
	client, err := a.client()
	if err == nil {
		err = client.RefreshCards(ctx)
	}
	if w.strange && client != nil {
		_ = client.ForgetCard(ctx, w.token().ID) // it may not have known it
	}
	if err != nil && !isNotRunning(err) {
		fmt.Fprintln(os.Stderr, "keybroker: the broker could not read the card again:", platform.Plain(err))
	}
}
