package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/keybroker/keybroker/agent/audit/checkpoint"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys/sshsig"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

func newLogCheckpointCommand(a *app) *cobra.Command {
	var key, out string
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Sign the end of the audit log with a key of yours",
		Long: `Check the audit log, and sign its end with a key of yours. Kept where your programs
cannot change it, such a checkpoint shows later that the records up to it are still
those that were signed: keybroker log verify --checkpoint FILE --allowed-signers FILE.

The broker asks you as for every signature, in the namespace keybroker-checkpoint. With
--out, the text goes into a file, and the signature into FILE.sig beside it; anybody
can check them:

  ssh-keygen -Y verify -n keybroker-checkpoint -f allowed_signers -I YOU -s FILE.sig <FILE

Without --out both are printed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			name := cmp.Or(key, a.config.Audit.CheckpointKey)
			if name == "" {
				return cli.Usage(problem.New("--key is missing", "name the key that signs: --key KEY, or [audit] checkpoint_key in the configuration"))
			}
			text, signature, err := a.signCheckpoint(cmd.Context(), name)
			if err != nil {
				return err
			}
			return writeCheckpoint(cmd.OutOrStdout(), out, text, signature)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "name or fingerprint of the key that signs; default: [audit] checkpoint_key")
	cmd.Flags().StringVar(&out, "out", "", "write the text to this new `file`, and the signature beside it")
	completeFlag(cmd, "key", a.keyNames)
	return cmd
}

// signCheckpoint signs the end of a log that is whole.
func (a *app) signCheckpoint(ctx context.Context, name string) (text, signature []byte, err error) {
	client := broker.ClientOf(&a.config, version)
	if _, err := client.Status(ctx); err != nil {
		return nil, nil, notRunning(err)
	}
	key, err := a.keyList().Find(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	text, err = a.checkpointText(ctx, client)
	if err != nil {
		return nil, nil, err
	}
	signature, err = sshsig.SignWithKey(ctx, a.config.Paths.AgentSocket, text, key.PublicKey, checkpoint.Namespace)
	if err != nil {
		err = problem.WithDefault(fmt.Errorf("the checkpoint was not signed: %w", err), "see why: keybroker why")
		if errors.Is(err, sshsig.ErrRefused) {
			err = cli.Refused(err)
		}
	}
	return text, signature, err
}

// checkpointText is what is signed. A log that was changed is not.
func (a *app) checkpointText(ctx context.Context, client *control.Client) ([]byte, error) {
	report, err := broker.VerifyLog(ctx, &a.config, client)
	if err != nil {
		return nil, err
	}
	if report.Bad != nil {
		return nil, problem.With(fmt.Errorf("nothing was signed, because the audit log was changed: %s", report.Bad), "before anything else, copy %s", a.config.AuditDir())
	}
	machine, _ := os.Hostname()
	c, err := checkpoint.New(a.config.AuditDir(), report.Head, time.Now(), machine, platform.CurrentUser())
	return c.Text(), err
}

// writeCheckpoint never replaces a file: an old checkpoint proves what a new one does not.
func writeCheckpoint(printed io.Writer, out string, text, signature []byte) error {
	if out == "" {
		_, err := printed.Write(append(text, signature...))
		return err
	}
	err := platform.WriteNewFile(out+checkpoint.SignatureSuffix, signature, 0o644)
	if err == nil {
		err = platform.WriteNewFile(out, text, 0o644)
	}
	if errors.Is(err, fs.ErrExist) {
		err = problem.New(out+" or "+out+checkpoint.SignatureSuffix+" exists already", "give --out the name of a new file, or remove the old checkpoint yourself")
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(printed, "Keep %s and %s where your programs cannot change them.\n", out, out+checkpoint.SignatureSuffix)
	return err
}
