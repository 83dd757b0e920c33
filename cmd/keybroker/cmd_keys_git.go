package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys/pubformat"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/spf13/cobra"
)

func newKeysGitCommand(a *app) *cobra.Command {
	var set bool
	var email string
	cmd := &cobra.Command{
		Use:   "git NAME",
		Short: "Show, or set, the git configuration that signs commits with a key",
		Long: `Show the commands that make git sign commits and tags with a key of the broker,
and verify them. With --set it runs them, for the user's global git configuration.
NAME is the key's name or fingerprint.

It works for every key that "keybroker keys list" shows, including keys on cards:
git finds the key through SSH_AUTH_SOCK and needs no file.`,
		Example: `  keybroker keys git work
  keybroker keys git yubikey-12345678-9a --set`,
		Args:              cli.ExactArgs(1),
		ValidArgsFunction: a.completeKeys,
		RunE: a.withStore(func(cmd *cobra.Command, store *softkeys.Store, args []string) error {
			public, err := a.export(cmd.Context(), store, args[0], pubformat.OpenSSH)
			if err != nil {
				return err
			}
			if email == "" {
				email = broker.GitValue("user.email")
			}
			if email == "" || strings.ContainsAny(email, " \t\r\n\",") {
				return cli.Usage(problem.New("git has no usable user.email", "give one: --email you@example.com"))
			}
			setup, err := broker.NewGitSetup(public, email)
			if err != nil {
				return err
			}
			if set {
				return applyGitSetup(cmd.OutOrStdout(), setup)
			}
			printGitSetup(cmd.OutOrStdout(), setup)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&set, "set", false, "run the commands")
	cmd.Flags().StringVar(&email, "email", "", "e-mail address of the signer (default: git's user.email)")
	return cmd
}

// printGitSetup prints the commands that make the set-up.
func printGitSetup(w io.Writer, s broker.GitSetup) {
	for _, setting := range s.Settings {
		fmt.Fprintf(w, "git config --global %s %s\n", setting[0], platform.ShellWord(setting[1]))
	}
	fmt.Fprintf(w, "mkdir -p %s\n", platform.ShellWord(filepath.Dir(s.Signers)))
	fmt.Fprintf(w, "echo %s >> %s\n", platform.ShellWord(s.Line), platform.ShellWord(s.Signers))
	fmt.Fprintf(w, "\n# The key for your forge, as a signing key:\n# %s\n", s.Key)
}

func applyGitSetup(w io.Writer, s broker.GitSetup) error {
	done := func(name, value string) { fmt.Fprintf(w, "%s = %s\n", name, value) }
	if err := s.Apply(done); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s lists the key.\n\nPut it on your forge, as a signing key:\n\n  %s\n", s.Signers, s.Key)
	return nil
}
