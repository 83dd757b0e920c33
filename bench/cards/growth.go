//go:build linux && cgo

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
	"github.com/keybroker/keybroker/piv/pivtest"
)

const (
	// warmUp insertions, after which nothing may grow.
	warmUp = 50
	// growthReaders have two slots each; pcscd looks into one slot every 0.4 s.
	growthReaders = 7
	// settleTime lets the daemon finish its work after the last answer.
	settleTime = 3 * time.Second
	// threadSlack: Go never ends a thread, so there are as many as there ever were
	// simultaneous calls of PC/SC, which is a matter of chance. A leak of one thread
	// per hundred insertions is still found.
	threadSlack = 1.2
)

// growthRows: keybroker's column is after all insertions, the other after warmUp.
func growthRows() []gauge.Row {
	after := fmt.Sprintf("after %d", warmUp)
	return []gauge.Row{
		{What: "open files after all insertions", Unit: "files", Peer: after, Target: gauge.RatioAtMost(1)},
		{What: "threads after all insertions", Unit: "threads", Peer: after, Target: gauge.RatioAtMost(threadSlack)},
		{What: "memory after all insertions (resident)", Unit: "MiB", Peer: after},
	}
}

// growth inserts and removes many cards at once, again and again.
func (b *bench) growth(rows []gauge.Row) error {
	var readers []string
	for i := range growthReaders {
		readers = append(readers, fmt.Sprintf("%s %c", pivtest.ReaderYubico, 'A'+i))
	}
	s, err := newStand(readers, bytes.Repeat([]byte{pivtest.AlgP256}, 2*growthReaders)...)
	if err != nil {
		return err
	}
	defer s.close()
	our, err := s.broker(b.keybroker)
	if err != nil {
		return err
	}
	var first []float64
	for done := len(s.cards); ; done += len(s.cards) {
		if err := s.allOut(our); err != nil {
			return err
		}
		if first == nil && done >= warmUp {
			if first, err = sizes(our); err != nil {
				return err
			}
		}
		if done >= b.insertions && first != nil {
			fmt.Fprintln(os.Stderr, done, "insertions")
			break
		}
		if err := s.allIn(our); err != nil {
			return err
		}
		if err := b.ctx.Err(); err != nil {
			return err
		}
	}
	last, err := sizes(our)
	for i := range rows {
		rows[i].Add(last[i], first[i])
	}
	return err
}

func (s *stand) allOut(our *broker) error {
	return s.each(our, false, s.rig.Remove)
}

func (s *stand) allIn(our *broker) error {
	return s.each(our, true, func(i int) error { return s.rig.Insert(i, s.cards[i]) })
}

// each does something to all cards at once, and waits until the broker knows.
func (s *stand) each(our *broker, in bool, do func(i int) error) error {
	done := make(chan error, len(s.cards))
	for i := range s.cards {
		go func() { done <- do(i) }()
	}
	var all error
	for range s.cards {
		all = errors.Join(all, <-done)
	}
	for _, card := range s.cards {
		all = errors.Join(all, our.await(card, in))
	}
	return all
}

// sizes are open files, threads and memory in MiB, with all cards out.
func sizes(our *broker) ([]float64, error) {
	time.Sleep(settleTime)
	files, err1 := our.Files()
	threads, err2 := our.Threads()
	kib, err3 := our.Resident()
	return []float64{files, threads, kib / 1024}, errors.Join(err1, err2, err3)
}
