package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// The bar fits into its terminal, and shows the numbers as long as they fit.
func TestProgressFits(t *testing.T) {
	p := progress{total: 200, done: 50, began: time.Now()}
	for width, want := range map[int]string{
		100: "[######..................] 50 of 200 hosts, 0s  web1.example.com",
		50:  "[######..................] 50 of 200 hosts, 0s",
		40:  "50 of 200 hosts, 0s  web1.example.com",
		20:  "50 of 200 hosts, 0s",
		5:   "50 of",
		0:   "",
	} {
		if got := p.line("web1.example.com", width); got != want || utf8.RuneCountInString(got) > width {
			t.Errorf("%d: %q, want %q", width, got, want)
		}
	}
	if got := p.line(strings.Repeat("ä", 300), 60); !utf8.ValidString(got) {
		t.Errorf("%q", got)
	}
}
