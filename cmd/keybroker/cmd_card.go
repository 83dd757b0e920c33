package main

import (
	"context"

	"github.com/keybroker/keybroker/cardadmin"
	"github.com/spf13/cobra"
)

// cardGrammar describes how commands name a card.
const cardGrammar = "serial number, name, ID (guid:...) or the start of one, or part of the reader's name"

func newCardCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "card",
		Short: "Set up and maintain YubiKeys and other PIV smartcards",
		Long: `Set up and maintain YubiKeys and other PIV smartcards. Only list, info and forget
need the running broker.

The terminal asks for PINs, PUKs and confirmations; PINs and PUKs are not echoed.
If standard input is not a terminal, they are read from it, one per line, in the
order of the questions. They are never arguments or environment variables, which
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
		newCardResetCommand(a))
	return cmd
}

// onCard is a command's RunE: do works on the card that --card names.
func (a *app) onCard(do func(ctx context.Context, w *cardadmin.Work, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		config := cardadmin.Config{Card: a.card, Out: cmd.OutOrStdout(), Say: cmd.ErrOrStderr(), NextStep: sayNextStep, Broker: a.client}
		return cardadmin.Run(cmd.Context(), config, func(w *cardadmin.Work) error { return do(cmd.Context(), w, args) })
	}
}
