package cardadmin

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/crypto/ssh"
)

// Generate makes a key, and its certificate if spec asks for one.
func (w *Work) Generate(ctx context.Context, spec KeySpec) error {
	if err := w.mayGenerate(ctx, spec); err != nil {
		return err
	}
	if spec.Certificate && spec.PIN != piv.PINNever {
		if err := w.needPIN(ctx); err != nil {
			return err
		}
	}
	if err := w.needManagement(ctx); err != nil {
		return err
	}
	if spec.Algorithm == piv.RSA3072 || spec.Algorithm == piv.RSA4096 {
		fmt.Fprintln(w.say, "The card is searching for large primes. This may take minutes.")
	}
	if err := w.stillEmpty(ctx, spec.Slot); err != nil {
		return err
	}
	w.strange = w.strange || spec.Slot == piv.SlotCardAuthentication
	var key crypto.PublicKey
	err := w.yubico(ctx, true, func(ctx context.Context, a *piv.Applet) (err error) {
		key, err = a.Generate(ctx, spec.Slot, spec.Algorithm, spec.PIN, spec.Touch)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w.say, "A new %s key is in slot %s of %s (PIN %s, touch %s).\n", spec.Algorithm, spec.Slot, w.token().Name(), spec.PIN, spec.Touch)
	if err := w.dropCertificate(ctx, spec.Slot); err != nil {
		return err
	}
	if spec.Certificate {
		if err := w.selfSign(ctx, spec.Slot, key, spec.PIN, spec.Touch, spec.Subject); err != nil {
			return problem.With(err, "the key was made without a certificate; write one: keybroker card certificate self-signed --slot %s", spec.Slot)
		}
	}
	return w.printKey(spec.Slot, key)
}

// stillEmpty checks again that a slot is empty: while the person was answering, another
// program may have filled it.
func (w *Work) stillEmpty(ctx context.Context, slot piv.Slot) error {
	if _, full := w.token().Slot(slot); full {
		return nil // the person agreed to replace it
	}
	return w.do(ctx, func(a *piv.Applet) error {
		_, err1 := a.Metadata(ctx, slot)
		_, err2 := a.Certificate(ctx, slot)
		if err1 == nil || err2 == nil {
			return problem.With(fmt.Errorf("slot %s was filled by another program in the meantime", slot), "run this again")
		}
		return errors.Join(notThere(err1), notThere(err2))
	})
}

// dropCertificate deletes the certificate of a key that was replaced: programs would
// take it for the new key's.
func (w *Work) dropCertificate(ctx context.Context, slot piv.Slot) error {
	if held, ok := w.token().Slot(slot); !ok || held.Certificate == nil && !held.NoKey {
		return nil
	}
	return w.do(ctx, func(a *piv.Applet) error {
		if err := w.proveManagement(ctx, a, w.management); err != nil {
			return err
		}
		return a.DeleteCertificate(ctx, slot)
	})
}

// mayGenerate checks what the card can do and what the slot holds.
func (w *Work) mayGenerate(ctx context.Context, spec KeySpec) error {
	if err := w.needYubiKey("generate"); err != nil {
		return err
	}
	version := w.token().Version
	for name, kind := range keyTypes {
		if kind.algorithm == spec.Algorithm && !version.AtLeast(kind.major, kind.minor) {
			return problem.With(fmt.Errorf("firmware %s cannot make %s keys: that needs %d.%d", version, name, kind.major, kind.minor), "every YubiKey makes p256")
		}
	}
	if spec.Touch == piv.TouchCached && !version.AtLeast(4, 3) {
		return problem.With(fmt.Errorf(`firmware %s has no touch policy "cached": that needs 4.3`, version), "give --touch-policy always or never")
	}
	held, full := w.token().Slot(spec.Slot)
	if !full {
		return nil
	}
	if held.NoKey {
		warning := fmt.Sprintf("Slot %s (%s) of %s holds a certificate and no key.\nA new key deletes the certificate.", spec.Slot, spec.Slot.Name(), w.token().Name())
		return w.confirmInWords(ctx, warning, "replace "+spec.Slot.String())
	}
	warning := fmt.Sprintf("Slot %s (%s) of %s holds a key: %s.\nA new key destroys it for good. It will never log in or decrypt anything again.",
		spec.Slot, spec.Slot.Name(), w.token().Name(), describeSlot(held))
	return w.confirmInWords(ctx, warning, "replace "+spec.Slot.String())
}

func describeSlot(info piv.SlotInfo) string {
	if info.NoKey {
		return "a certificate and no key"
	}
	if key, err := ssh.NewPublicKey(info.PublicKey); err == nil {
		return fmt.Sprintf("%s, %s", info.Algorithm, ssh.FingerprintSHA256(key))
	}
	return "an unknown key"
}

// printKey prints the line for authorized_keys.
func (w *Work) printKey(slot piv.Slot, key crypto.PublicKey) error {
	line, err := w.authorizedKey(slot, key)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintln(w.out, line); err != nil {
		return err
	}
	if public, err := ssh.NewPublicKey(key); err == nil {
		w.nextStep(w.say, ssh.FingerprintSHA256(public))
	}
	return nil
}

func (w *Work) authorizedKey(slot piv.Slot, key crypto.PublicKey) (string, error) {
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("slot %s: %w", slot, err)
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	return fmt.Sprintf("%s %s slot %s", line, w.token().Name(), slot), nil
}
