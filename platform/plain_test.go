//go:build !windows

package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlainText(t *testing.T) {
	for in, want := range map[string]string{
		"softkeys: open the vault: keychain: it is locked\nunlock it": "open the vault: it is locked\nunlock it",
		"not used: softkeys: keychain: gone":                          "not used: gone",
		"first\npiv: second":                                          "first\nsecond",
		"the piv: slot":                                               "the piv: slot", // a word of a sentence
		"key-piv: x":                                                  "key-piv: x",
		"control:x":                                                   "control:x",
		"":                                                            "",
	} {
		if got := PlainText(in); got != want {
			t.Errorf("PlainText(%q) = %q; want %q", in, got, want)
		}
	}
}

func TestParted(t *testing.T) {
	for in, want := range map[string][2]string{
		"one":                    {"one", ""},
		"softkeys: one\ndo this": {"one", "do this"},
		"it has errors:\na.toml:1:1: first\na.toml:2:1: second\ncorrect them": {"it has errors: a.toml:1:1: first; a.toml:2:1: second", "correct them"},
	} {
		if what, remedy := Parted(in); what != want[0] || remedy != want[1] {
			t.Errorf("Parted(%q) = %q, %q; want %q", in, what, remedy, want)
		}
	}
}

func TestPlainNamesNoSystemCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nosuch")
	_, err := os.Open(path)
	if got, want := Plain(fmt.Errorf("softkeys: read it: %w\ngive another", err)), "read it: "+path+": no such file or directory\ngive another"; got != want {
		t.Errorf("%q; want %q", got, want)
	}
	if _, err = Dial(context.Background(), path); err == nil {
		t.Fatal("somebody answered")
	}
	if got := Plain(errors.Join(err)); strings.Contains(got, "dial") || !strings.HasPrefix(got, path) {
		t.Errorf("%q", got)
	}
}
