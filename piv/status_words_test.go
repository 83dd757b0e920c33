package piv

import (
	"regexp"
	"testing"
)

// No status word reaches a person as a number, unless nothing is known of it.
func TestStatusWords(t *testing.T) {
	number := regexp.MustCompile(`\b[0-9A-Fa-f]{4}\b`)
	for status := range statusWords {
		if number.MatchString(status.Error()) || status.remedy() == "" {
			t.Errorf("%04X: %q, %q", uint16(status), status, status.remedy())
		}
	}
	for _, known := range []Status{0x6600, 0x6999, 0x6A80, 0x6A81, 0x6A86, 0x6A88, 0x6D00, 0x6982, 0x6985} {
		if _, ok := statusWords[known]; !ok {
			t.Errorf("%04X has no words", uint16(known))
		}
	}
	if unknown := Status(0x6F77); unknown.Error() != "the card refuses with the unknown status word 6F77" || unknown.remedy() == "" {
		t.Errorf("%q", unknown)
	}
}
