//go:build linux && !nopcsc

package main

import (
	"fmt"
	"os"

	"github.com/keybroker/keybroker/piv/pcsc"
)

// holdCard is the program "cardhold READER": it holds the card exclusively, as
// gpg does, until there is a file "letgo". Then its file "held" goes.
func holdCard() {
	service, err := pcsc.Establish()
	var card *pcsc.Card
	if err != nil || !await(func() bool {
		card, err = service.Connect(os.Args[1], pcsc.Exclusive, pcsc.ProtocolAny)
		return err == nil
	}) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = os.WriteFile("held", []byte("held"), 0o600)
	await(func() bool { _, err := os.Stat("letgo"); return err == nil })
	_ = card.Disconnect(pcsc.ResetCard)
	_ = service.Release()
	_ = os.Remove("held")
}
