//go:build linux

package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/piv/pivtest"
	"github.com/rogpeppe/go-internal/testscript"
)

// cmdCard is
//
//	card start [CHARACTER …]   a pcscd of the script's own with these cards in:
//	                           yubikey, yubikey-3des, yubikey-4, government; programs reach it
//	                           by $PCSCLITE_CSOCK_NAME. At most two YubiKeys and two
//	                           others. They are as new: without GUID, keys or changed PIN
//	card ready [CHARACTER …]   the same, and a YubiKey has a GUID and a P-256 key in 9A
//	[!] card do LINE …         a line for pivtest.Bench: "do 1 tries 1 3". Its output is stdout
//	card await N               waits until pcscd tells its clients of card N
//	card touch N               waits until card N waits for a touch, and touches it
//	card root N FILE           writes the root of card N's attestations, as PEM
//
// $CARD0, $CARD1 … are the cards' serial numbers, $READER0, $READER1 … their
// readers. They go with the script.
func cmdCard(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case len(args) > 0 && args[0] == "start" && !neg:
		startCards(ts, args[1:], false)
	case len(args) > 0 && args[0] == "ready" && !neg:
		startCards(ts, args[1:], true)
	case len(args) > 1 && args[0] == "do":
		out, err := rigOf(ts).cards.Do(args[1:])
		if (err != nil) != neg {
			ts.Fatalf("card %s: %v", strings.Join(args, " "), err)
		}
		fmt.Fprint(ts.Stdout(), out)
	case len(args) == 2 && args[0] == "await" && !neg:
		awaitCard(ts, args[1])
	case len(args) == 2 && args[0] == "touch" && !neg:
		if !await(func() bool { _, err := rigOf(ts).cards.Do([]string{args[1], "touch"}); return err == nil }) {
			ts.Fatalf("the card never waited for a touch")
		}
	case len(args) == 3 && args[0] == "root" && !neg:
		var n int
		_, err := fmt.Sscan(args[1], &n)
		ts.Check(err)
		root := rigOf(ts).cards.Cards[n].AttestationRoot()
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), 0o600))
	default:
		ts.Fatalf("usage: card start [CHARACTER …] | card do LINE … | card await N | card touch N | card root N FILE")
	}
}

// awaitCard asks a program that we did not write.
func awaitCard(ts *testscript.TestScript, number string) {
	var n int
	_, err := fmt.Sscan(number, &n)
	ts.Check(err)
	reader := rigOf(ts).cards.Slots[n].Reader
	see := func() bool {
		cmd := exec.Command("opensc-tool", "--reader", reader, "--atr")
		cmd.Env = append(environ(ts), "PCSCLITE_CSOCK_NAME="+ts.Getenv("PCSCLITE_CSOCK_NAME"))
		return cmd.Run() == nil
	}
	if !await(see) {
		ts.Fatalf("pcscd does not show the card in %s", reader)
	}
}

func startCards(ts *testscript.TestScript, names []string, ready bool) {
	r := rigOf(ts)
	stack, err := pivtest.StartRig(pivtest.RigConfig{})
	ts.Check(err)
	r.onEnd(func() {
		if err := stack.Close(); err != nil {
			r.t.Error(err)
		}
	})
	r.cards = &pivtest.Bench{Rig: stack}
	ts.Setenv("PCSCLITE_CSOCK_NAME", stack.Socket)
	free := map[bool]int{true: 0, false: 2} // the next slot, of Yubico's reader or of the plain one
	for i, name := range names {
		character, ok := pivtest.CharacterNamed(name)
		if !ok {
			ts.Fatalf("no card %q", name)
		}
		card, err := pivtest.New(pivtest.Config{Character: character})
		ts.Check(err)
		if ready && character.Yubico {
			_, err := card.Provision(0x9a, pivtest.AlgP256, pivtest.Policy{})
			ts.Check(errors.Join(err, card.Identify()))
		}
		n := free[character.Yubico]
		free[character.Yubico]++
		r.cards.Cards, r.cards.Slots = append(r.cards.Cards, card), append(r.cards.Slots, stack.Slot(n))
		ts.Check(stack.Insert(n, card))
		ts.Setenv(fmt.Sprintf("CARD%d", i), fmt.Sprint(card.Serial()))
		ts.Setenv(fmt.Sprintf("READER%d", i), stack.Slot(n).Reader)
	}
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

// cmdPerson is "person FILE CODE PROGRAM [ARG …]": runs a program on a terminal
// and types for it. Each line of FILE is "what the screen must show =>what is
// then typed", with \x03 for Ctrl-C and the like. The program must end with that exit code; what it showed is in
// the file "screen".
func cmdPerson(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: person FILE CODE PROGRAM [ARG …]")
	}
	cmd := exec.Command(commandPath(ts, args[2]), args[3:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), append(environ(ts), "PCSCLITE_CSOCK_NAME="+ts.Getenv("PCSCLITE_CSOCK_NAME"))
	s, err := newScreen(cmd)
	ts.Check(err)
	cmd.Stdout, cmd.Stderr = s.tty, s.tty
	ts.Check(cmd.Start())
	ts.Defer(func() { _ = cmd.Process.Kill() }) // when it waits for something else
	shown := typeAll(ts, s, ts.ReadFile(args[0]))
	err = cmd.Wait()
	s.tty.Close()
	<-s.done // everything that it showed was read
	s.keys.Close()
	shown += s.seen()
	ts.Check(os.WriteFile(ts.MkAbs("screen"), []byte(shown), 0o600))
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if code := cmd.ProcessState.ExitCode(); fmt.Sprint(code) != args[1] {
		ts.Fatalf("exit code %d, not %s; the screen:\n%s", code, args[1], shown)
	}
}

// typeAll returns what was shown so far.
func typeAll(ts *testscript.TestScript, s *screen, lines string) (shown string) {
	for line := range strings.Lines(lines) {
		question, answer, ok := strings.Cut(strings.TrimSpace(line), " =>")
		if !ok {
			continue
		}
		if !await(func() bool { return strings.Contains(s.seen(), question) }) {
			ts.Fatalf("waited in vain for %q on the screen:\n%s", question, shown+s.seen())
		}
		shown += s.seen()
		keys, err := strconv.Unquote(`"` + answer + `"`)
		ts.Check(err)
		ts.Check(s.typed(keys + "\n"))
	}
	return shown
}
