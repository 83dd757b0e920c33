//go:build linux && cgo

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
	"github.com/keybroker/keybroker/piv/pivtest"
)

// bench measures on separate rigs.
type bench struct {
	options
	ctx context.Context
}

// all measures everything that has text in its name.
func (b *bench) all() (rows []gauge.Row, err error) {
	for _, part := range []struct {
		rows func() []gauge.Row
		fill func([]gauge.Row) error
	}{
		{signRows, b.signatures},
		{besideRows, b.besidePIVGo},
		{comingRows, b.comings},
		{growthRows, b.growth},
	} {
		mine := part.rows()
		if !b.wanted(mine) {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring", names(mine))
		if err := part.fill(mine); err != nil {
			return nil, fmt.Errorf("%s: %w", names(mine), err)
		}
		rows = append(rows, mine...)
	}
	return rows, nil
}

// wanted reports whether one of the rows is wanted: they are measured together.
func (b *bench) wanted(rows []gauge.Row) bool { return strings.Contains(names(rows), b.only) }

func names(rows []gauge.Row) string {
	var all []string
	for _, r := range rows {
		all = append(all, r.What)
	}
	return strings.Join(all, "; ")
}

// stand is a pcscd with cards in some slots, and programs that use them.
type stand struct {
	rig   *pivtest.Rig
	cards []*pivtest.Card
	dir   string // of the askpass program
	ends  []func()
}

// newStand puts YubiKeys into these readers, one per algorithm. Each has a key of that
// algorithm in slot 9A with the PIN policy "once".
func newStand(readers []string, algorithms ...byte) (s *stand, err error) {
	s = &stand{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "keybroker-bench-"); err != nil {
		return s, err
	}
	s.ends = append(s.ends, func() { os.RemoveAll(s.dir) })
	script := "#!/bin/sh\necho " + pivtest.DefaultPIN + "\n"
	if err := os.WriteFile(s.askpass(), []byte(script), 0o700); err != nil {
		return s, err
	}
	if s.rig, err = pivtest.StartRig(pivtest.RigConfig{Readers: readers}); err != nil {
		return s, err
	}
	s.ends = append(s.ends, func() {
		if err := s.rig.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "bench/cards:", err)
		}
	})
	for i, algorithm := range algorithms {
		card, err := pivtest.New(pivtest.Config{Character: pivtest.YubiKey5()})
		if err != nil {
			return s, err
		}
		s.cards = append(s.cards, card)
		if _, err := card.Provision(0x9a, algorithm, pivtest.Policy{PIN: pivtest.PINOnce}); err != nil {
			return s, err
		}
		if err := s.rig.Insert(i, card); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *stand) askpass() string { return filepath.Join(s.dir, "askpass") }

// env is what a program needs to find the card and the PIN.
func (s *stand) env() []string {
	return []string{"PCSCLITE_CSOCK_NAME=" + s.rig.Socket, "SSH_ASKPASS=" + s.askpass(), "SSH_ASKPASS_REQUIRE=force"}
}

func (s *stand) close() {
	for i := len(s.ends) - 1; i >= 0; i-- {
		s.ends[i]()
	}
}

// broker starts keybroker and waits until it lists the keys.
func (s *stand) broker(path string) (*broker, error) {
	program, err := gauge.Start(gauge.Keybroker(path, "[confirm]\nprompt = \"askpass\"\n").With(s.env()...))
	if err != nil {
		return nil, err
	}
	s.ends = append(s.ends, program.Stop)
	b, err := newBroker(program)
	if err != nil {
		return nil, err
	}
	for _, card := range s.cards {
		if err := b.await(card, true); err != nil {
			return nil, err
		}
	}
	return b, nil
}

const (
	lookTime = 2 * time.Millisecond // between two checks of an awaited event
	giveUp   = 30 * time.Second
)

// until checks until the event has happened, and returns the time.
func until(what string, so func() (bool, error)) (time.Time, error) {
	for end := time.Now().Add(giveUp); time.Now().Before(end); time.Sleep(lookTime) {
		if yes, err := so(); err != nil || yes {
			return time.Now(), err
		}
	}
	return time.Time{}, errors.New("waited too long until " + what)
}
