package main

import (
	"context"

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
	completeFlag(cmd, "slot", slotNames)
	keyType, touch = "p256", "cached"
	choiceFlag(cmd, &keyType, "type", "t", "", "p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096")
	choiceFlag(cmd, &pin, "pin-policy", "", "once, always or never (default: the slot's, once; 9c always; 9e never)", "once", "always", "never")
	choiceFlag(cmd, &touch, "touch-policy", "", "", "cached", "always", "never")
	flags.BoolVar(&noCertificate, "no-certificate", false, "write no certificate: other programs may not see the key")
	subject.flags(cmd)
	return cmd
}

func readKeySpec(slot, keyType, pin, touch string) (spec keySpec, err error) {
	if spec.slot, err = slotFlag(slot); err != nil {
		return spec, err
	}
	spec.algorithm, spec.pin, spec.touch = keyTypes[keyType].algorithm, piv.PINPolicy(pin), piv.TouchPolicy(touch)
	if spec.pin == "" {
		spec.pin = defaultPINPolicy(spec.slot)
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
