//go:build linux

package main

import (
	"context"
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

// cardNumber reads the number of one of the script's cards.
func cardNumber(ts *testscript.TestScript, text string) (*pivtest.Card, *pivtest.Slot) {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	bench := rigOf(ts).bench
	return bench.Cards[n], bench.Slots[n]
}

// cmdCardRoot is "cardroot N FILE": writes the root of card N's attestations, as PEM.
func cmdCardRoot(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cardroot N FILE")
	}
	card, _ := cardNumber(ts, args[0])
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: card.AttestationRoot().Raw})
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), root, 0o600))
}

// cmdCardSeen is "cardseen N": waits until pcscd tells a program that we did not
// write of card N.
func cmdCardSeen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: cardseen N")
	}
	_, slot := cardNumber(ts, args[0])
	see := func() bool {
		cmd := exec.Command("opensc-tool", "--reader", slot.Reader, "--atr")
		cmd.Env = append(environ(ts), "PCSCLITE_CSOCK_NAME="+ts.Getenv("PCSCLITE_CSOCK_NAME"))
		return cmd.Run() == nil
	}
	if !await(see) {
		ts.Fatalf("pcscd does not show the card in %s", slot.Reader)
	}
}

// cmdCardRead is "cardread": the broker reads the cards again, which were changed
// under it.
func cmdCardRead(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: cardread")
	}
	ts.Check(client(ts).RefreshCards(context.Background()))
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
		if !strings.HasSuffix(keys, "\x03") { // nobody presses Enter after Ctrl-C
			keys += "\n"
		}
		ts.Check(s.typed(keys))
	}
	return shown
}
