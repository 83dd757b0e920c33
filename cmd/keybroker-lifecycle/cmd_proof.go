package main

import (
	"fmt"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/sshsig"
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

func newProofCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "proof",
		Short: "Check the proof of a change on hosts",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newProofVerifyCommand(a))
	return cmd
}

func newProofVerifyCommand(a *app) *cobra.Command {
	var signers string
	cmd := &cobra.Command{
		Use:   "verify FILE --signers FILE",
		Short: "Check who signed a proof, and what it proves",
		Long: `Check the signature beside a proof (FILE.sig) against a file of allowed signers, as this
does:

  ssh-keygen -Y verify -n ` + plan.ProofNamespace + ` -f SIGNERS -I NAME -s FILE.sig < FILE`,
		Args: cli.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.verifyProof(cmd, args[0], signers) },
	}
	cmd.Flags().StringVar(&signers, "signers", "", "file of allowed signers (ssh-keygen(1))")
	cmd.Flags().BoolVar(&a.JSON, "json", false, "print JSON with stable field names")
	_ = cmd.MarkFlagRequired("signers")
	return cmd
}

// maxProof bounds a proof file, in bytes.
const maxProof = 64 << 20

func (a *app) verifyProof(cmd *cobra.Command, path, signers string) error {
	data, err := platform.ReadRegular(path, maxProof)
	if err != nil {
		return err
	}
	signature, err := platform.ReadRegular(path+".sig", maxSignature)
	if err != nil {
		return problem.With(err, "sign the next proof: --sign-with KEY")
	}
	allowed, err := platform.ReadRegular(signers, maxProof)
	if err != nil {
		return err
	}
	file, signed, err := plan.VerifyProof(cmd.Context(), data, signature, allowed)
	if err != nil {
		return cli.Refused(fmt.Errorf("%s is not proved: %w", path, err))
	}
	proved, weak := file.Proved()
	if a.JSON {
		return cli.WriteJSON(cmd.OutOrStdout(), struct {
			sshsig.Signed
			Plan   string `json:"plan"`
			Proved int    `json:"proved"`
			Weak   int    `json:"weak"`
			Open   int    `json:"open"`
		}{signed, file.Plan, proved, weak, len(file.Open)})
	}
	fmt.Fprintf(cmd.OutOrStdout(), "signed by %s (%s)\nplan %s, %s of %s: %s, %d that prove less, %s not done\n", platform.Escape(signed.Principal, 100), signed.Fingerprint,
		platform.Escape(file.Plan, 40), platform.Escape(string(file.Kind), 20), platform.Escape(plan.Name(file.Key), 60), keys.Counted(proved, "proof"), weak, keys.Counted(len(file.Open), "step"))
	return nil
}
