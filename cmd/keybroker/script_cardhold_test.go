//go:build linux && cgo && !nopcsc

package main

import (
	"fmt"
	"os"

	pivgo "github.com/go-piv/piv-go/v2/piv"
)

// holdCard is the program "cardhold READER": it holds the card exclusively, as
// gpg does, until there is a file "letgo". Then its file "held" goes.
func holdCard() {
	var card *pivgo.YubiKey
	var err error
	if !await(func() bool { card, err = pivgo.Open(os.Args[1]); return err == nil }) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = os.WriteFile("held", []byte("held"), 0o600)
	await(func() bool { _, err := os.Stat("letgo"); return err == nil })
	card.Close()
	_ = os.Remove("held")
}
