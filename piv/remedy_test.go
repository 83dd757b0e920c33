package piv

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestRemedy(t *testing.T) {
	for want, err := range map[string]error{
		"end the program that holds it":    fmt.Errorf("%w: %w", ErrBusy, StatusNoDiagnosis), // the way to the card goes before what it said
		"unblock it with the PUK":          &PINError{Reference: PINApplication},
		"can only be reset":                fmt.Errorf("change: %w", &PINError{Reference: PUK}),
		"nothing is retried automatically": &PINError{Reference: PINApplication, Tries: 2},
		"touch the card while it":          StatusNotTouched,
		remedyAgain:                        Status(0x6F77),
	} {
		if got := Remedy(err); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	if got := Remedy(errors.New("no error of a card")); got != "" {
		t.Errorf("%q", got)
	}
}
