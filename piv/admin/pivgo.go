//go:build !nopcsc && ((cgo && (linux || darwin)) || windows)

package admin

import (
	"crypto/x509"
	"errors"
	"strings"

	pivgo "github.com/go-piv/piv-go/v2/piv"

	"github.com/keybroker/keybroker/piv"
)

// pcscBusy and pcscGone are piv-go's texts for SCARD_E_SHARING_VIOLATION and for a
// missing card: it exports neither codes nor errors for them.
const pcscBusy = "other connections outstanding"

// managementText is in piv-go's error when the card refuses the management key.
const managementText = "authenticating with management key"

var pcscGone = []string{"no Smart Card is currently in the device", "reader name is not recognized",
	"has been removed", "resource manager is not running"}

// perform opens the card and does one operation.
func perform(r Request) Answer {
	card, err := pivgo.Open(r.Reader)
	if err != nil {
		return openFailed(err)
	}
	// The card keeps an authentication after a program ends. FormFactor selects
	// another application, which ends it.
	defer card.Close()
	defer card.FormFactor()
	if r.Serial != 0 {
		if serial, err := card.Serial(); err != nil || serial != r.Serial {
			return Answer{Problem: problemOtherCard}
		}
	}
	answer, err := operate(card, r)
	if err != nil {
		return operationFailed(err)
	}
	return answer
}

func openFailed(err error) Answer {
	text := err.Error()
	var refused interface{ Status() uint16 }
	switch {
	case strings.Contains(text, pcscBusy):
		return failed(problemBusy, err)
	case errors.As(err, &refused), strings.Contains(text, "protocols are incompatible"):
		return failed(problemNotYubiKey, err)
	}
	for _, goneText := range pcscGone {
		if strings.Contains(text, goneText) {
			return failed(problemNoCard, err)
		}
	}
	return failed(problemOtherwise, err)
}

func operationFailed(err error) Answer {
	var wrong pivgo.AuthErr
	if errors.As(err, &wrong) {
		return Answer{Problem: problemPIN, Text: err.Error(), Tries: wrong.Retries}
	}
	var refused interface{ Status() uint16 }
	switch {
	case !errors.As(err, &refused):
	case strings.Contains(err.Error(), managementText):
		return failed(problemManagement, err)
	default:
		return Answer{Problem: problemRefused, Text: err.Error(), Status: piv.Status(refused.Status())}
	}
	return failed(problemOtherwise, err)
}

func operate(card *pivgo.YubiKey, r Request) (answer Answer, err error) {
	switch r.Op {
	case OpGenerate:
		return generate(card, r)
	case OpSetRetries:
		// piv-go takes the PIN as a string, which cannot be wiped. But this
		// process ends at once and leaves no core file.
		return answer, card.SetRetries(r.ManagementKey, string(r.PIN), r.PINTries, r.PUKTries)
	case OpReset:
		return answer, card.Reset()
	}
	return answer, errPipe
}

func generate(card *pivgo.YubiKey, r Request) (Answer, error) {
	slot, ok := slotOf(r.Slot)
	key := pivgo.Key{Algorithm: algorithms[r.Algorithm], PINPolicy: pinPolicies[r.PINPolicy], TouchPolicy: touchPolicies[r.TouchPolicy]}
	if !ok || key.Algorithm == 0 || key.PINPolicy == 0 || key.TouchPolicy == 0 {
		return Answer{}, errPipe
	}
	public, err := card.GenerateKey(r.ManagementKey, slot, key)
	if err != nil {
		return Answer{}, err
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	return Answer{PublicKey: spki}, err
}

func slotOf(s piv.Slot) (pivgo.Slot, bool) {
	for _, slot := range []pivgo.Slot{pivgo.SlotAuthentication, pivgo.SlotSignature, pivgo.SlotKeyManagement, pivgo.SlotCardAuthentication} {
		if slot.Key == uint32(s) {
			return slot, true
		}
	}
	return pivgo.RetiredKeyManagementSlot(uint32(s))
}

var (
	algorithms = map[piv.Algorithm]pivgo.Algorithm{
		piv.P256: pivgo.AlgorithmEC256, piv.P384: pivgo.AlgorithmEC384, piv.Ed25519: pivgo.AlgorithmEd25519,
		piv.RSA2048: pivgo.AlgorithmRSA2048, piv.RSA3072: pivgo.AlgorithmRSA3072, piv.RSA4096: pivgo.AlgorithmRSA4096,
	}
	pinPolicies = map[piv.PINPolicy]pivgo.PINPolicy{
		piv.PINNever: pivgo.PINPolicyNever, piv.PINOnce: pivgo.PINPolicyOnce, piv.PINAlways: pivgo.PINPolicyAlways,
	}
	touchPolicies = map[piv.TouchPolicy]pivgo.TouchPolicy{
		piv.TouchNever: pivgo.TouchPolicyNever, piv.TouchAlways: pivgo.TouchPolicyAlways, piv.TouchCached: pivgo.TouchPolicyCached,
	}
)
