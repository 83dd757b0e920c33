package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/piv"
	"github.com/spf13/cobra"
)

// keySpec is a key to be made on a YubiKey.
type keySpec struct {
	slot        piv.Slot
	algorithm   piv.Algorithm
	pin         piv.PINPolicy
	touch       piv.TouchPolicy
	certificate bool
	subject     subjectSpec
}

// keyTypes are the keys that a YubiKey makes, with the firmware that can.
// RSA-1024 is none: it is never used.
var keyTypes = map[string]struct {
	algorithm    piv.Algorithm
	major, minor byte
}{
	"p256": {piv.P256, 4, 0}, "p384": {piv.P384, 4, 0}, "rsa2048": {piv.RSA2048, 4, 0},
	"ed25519": {piv.Ed25519, 5, 7}, "rsa3072": {piv.RSA3072, 5, 7}, "rsa4096": {piv.RSA4096, 5, 7},
}

func newCardGenerateCommand(a *app) *cobra.Command {
	var slot, keyType, pin, touch string
	var noCertificate bool
	var subject subjectSpec
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Make a key on a YubiKey and print its public half",
		Long: `Make a key on a YubiKey and print the line for authorized_keys. The private key
never leaves the card, and nobody has a copy: have a second way in.

Other programs see a key by its certificate, so a self-signed one is written
beside it. That takes a signature: the PIN, and a touch if the key wants one.

  --type          p256, p384, rsa2048; ed25519, rsa3072, rsa4096 from firmware 5.7
  --pin-policy    once (a session), always (each signature), never
  --touch-policy  cached (a touch is good for 15 s), always, never

A slot that holds a key is left alone, unless you type that it shall be replaced.

Asked for: the words, when the slot holds a key; the PIN, when the certificate or
the management key takes it; the management key, when it is neither the
factory's nor on the card.`,
		Example: `  keybroker card generate >>~/.ssh/authorized_keys
  keybroker card generate --slot 82 --type ed25519 --touch-policy always`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := readKeySpec(slot, keyType, pin, touch)
			if err == nil {
				err = subject.check()
			}
			if err != nil {
				return err
			}
			spec.certificate, spec.subject = !noCertificate, subject
			return a.onCard(func(ctx context.Context, w *cardWork, _ []string) error {
				return w.generate(ctx, spec)
			})(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&slot, "slot", "s", "9a", "9a, 9c, 9d, 9e, or 82 to 95")
	flags.StringVarP(&keyType, "type", "t", "p256", "p256, p384, ed25519, rsa2048, rsa3072 or rsa4096")
	flags.StringVar(&pin, "pin-policy", "", "once, always or never (default: the slot's, once; 9c always; 9e never)")
	flags.StringVar(&touch, "touch-policy", "cached", "cached, always or never")
	flags.BoolVar(&noCertificate, "no-certificate", false, "write no certificate: other programs may not see the key")
	subject.flags(cmd)
	completeFixed(cmd, "type", "p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096")
	completeFixed(cmd, "pin-policy", "once", "always", "never")
	completeFixed(cmd, "touch-policy", "cached", "always", "never")
	return cmd
}

func completeFixed(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func readKeySpec(slot, keyType, pin, touch string) (spec keySpec, err error) {
	if spec.slot, err = slotFlag(slot); err != nil {
		return spec, err
	}
	kind, known := keyTypes[strings.ToLower(keyType)]
	if !known {
		return spec, usageError{fmt.Errorf("%q is no type of key\ngive p256, p384, ed25519, rsa2048, rsa3072 or rsa4096", keyType)}
	}
	spec.algorithm, spec.pin, spec.touch = kind.algorithm, piv.PINPolicy(pin), piv.TouchPolicy(touch)
	switch spec.pin {
	case "":
		spec.pin = defaultPINPolicy(spec.slot)
	case piv.PINOnce, piv.PINAlways, piv.PINNever:
	default:
		return spec, usageError{fmt.Errorf("%q is no PIN policy\ngive once, always or never", pin)}
	}
	switch spec.touch {
	case piv.TouchCached, piv.TouchAlways, piv.TouchNever:
	default:
		return spec, usageError{fmt.Errorf("%q is no touch policy\ngive cached, always or never", touch)}
	}
	return spec, nil
}

// defaultPINPolicy is the standard's (SP 800-73-4 part 1 table 4b).
func defaultPINPolicy(slot piv.Slot) piv.PINPolicy {
	switch slot {
	case piv.SlotCardAuthentication:
		return piv.PINNever
	case piv.SlotSignature:
		return piv.PINAlways
	}
	return piv.PINOnce
}
