//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/piv/pivtest"
	"github.com/rogpeppe/go-internal/testscript"
)

// cmdCard is
//
//	card start [-new] CHARACTER …   a pcscd of the script's own with these virtual cards; -new:
//	                                as they leave the factory, without a GUID and a key in 9a
//	[!] card [N] COMMAND …          what pivtest.Bench does, with card number N (0)
//
// A touch waits until the card does. $SERIAL0 …, $GUID0 … and $READER0 … are the
// cards' serial numbers, the starts of their GUIDs, and readers. Needs [cards].
func cmdCard(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: card start [-new] CHARACTER … | card [N] COMMAND …")
	}
	r := rigOf(ts)
	if args[0] == "start" {
		r.bench = startCards(ts, args[1:])
		ts.Setenv("PCSCLITE_CSOCK_NAME", r.bench.Rig.Socket)
		return
	}
	out, err := r.bench.Do(args)
	if !neg && args[len(args)-1] == "touch" {
		await(func() bool {
			if err != nil {
				out, err = r.bench.Do(args)
			}
			return err == nil
		})
	}
	fmt.Fprint(ts.Stdout(), out)
	if (err != nil) != neg {
		ts.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
}

func startCards(ts *testscript.TestScript, names []string) *pivtest.Bench {
	rig, err := pivtest.StartRig(pivtest.RigConfig{})
	ts.Check(err)
	r := rigOf(ts)
	r.onEnd(func() {
		if err := rig.Close(); err != nil {
			r.t.Error(err)
		}
	})
	bench := &pivtest.Bench{Rig: rig}
	free := map[bool]int{true: 0, false: 2} // YubiKeys go into the reader of that name
	fresh := len(names) > 0 && names[0] == "-new"
	if fresh {
		names = names[1:]
	}
	for _, name := range names {
		character, ok := pivtest.CharacterNamed(name)
		if !ok {
			ts.Fatalf("no card %q", name)
		}
		card, err := pivtest.New(pivtest.Config{Character: character})
		ts.Check(err)
		if card.GUID() == nil && !fresh {
			_, err := card.Provision(0x9a, pivtest.AlgP256, pivtest.Policy{})
			ts.Check(err)
			ts.Check(card.Identify())
		}
		n := free[character.Yubico]
		free[character.Yubico]++
		bench.Cards, bench.Slots = append(bench.Cards, card), append(bench.Slots, rig.Slot(n))
		ts.Check(rig.Insert(n, card))
		number := strconv.Itoa(len(bench.Cards) - 1)
		ts.Setenv("SERIAL"+number, strconv.FormatUint(uint64(card.Serial()), 10))
		ts.Setenv("GUID"+number, fmt.Sprintf("%.4x", card.GUID()))
		ts.Setenv("READER"+number, rig.Slot(n).Reader)
	}
	return bench
}

// seenKeys is the list of keys as the daemon has it, one JSON object a line.
func seenKeys(ts *testscript.TestScript) string {
	keys, err := client(ts).Keys(context.Background())
	ts.Check(err)
	var lines strings.Builder
	for _, key := range keys {
		line, err := json.Marshal(key)
		ts.Check(err)
		lines.Write(append(line, '\n'))
	}
	return lines.String()
}
