//go:build linux && cgo

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
	"github.com/keybroker/keybroker/piv/pivtest"
)

const (
	insertRounds  = 20
	recoverRounds = 5
	// downTime of pcscd is long enough for the broker to reach its longest polling
	// interval, one second. pcscd returns at a random moment between two polls.
	downTime   = 3 * time.Second
	seldomTime = time.Second
	// lookPeriod is how often pcscd asks vpcd's driver for a card.
	lookPeriod = 400 * time.Millisecond
)

func comingRows() []gauge.Row {
	return []gauge.Row{
		{What: "insertion to listed", Unit: "ms", Target: gauge.AtMost(1000, "ms")},
		{What: "of it after pcscd has told", Unit: "ms"},
		{What: "recovery of pcscd to listed, TERM", Unit: "ms", Target: gauge.AtMost(3000, "ms")},
		{What: "recovery of pcscd to listed, KILL", Unit: "ms", Target: gauge.AtMost(3000, "ms")},
	}
}

// comings removes cards and pcscd, and measures when the key is listed again.
func (b *bench) comings(rows []gauge.Row) error {
	s, err := newStand(nil, pivtest.AlgP256)
	if err != nil {
		return err
	}
	defer s.close()
	our, err := s.broker(b.keybroker)
	if err != nil {
		return err
	}
	for range min(b.rounds, insertRounds) {
		whole, after, err := s.insertion(b.ctx, our)
		if err != nil {
			return err
		}
		rows[0].Add(ms(whole))
		rows[1].Add(ms(after))
	}
	for range min(b.rounds, recoverRounds) {
		for i, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			took, err := s.recovery(our, sig)
			if err != nil {
				return fmt.Errorf("after %v: %w", sig, err)
			}
			rows[2+i].Add(ms(took))
			if err := b.ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// insertion inserts the card at a random moment between two polls of pcscd.
func (s *stand) insertion(ctx context.Context, our *broker) (whole, after time.Duration, err error) {
	card := s.cards[0]
	if err := s.rig.Remove(0); err != nil {
		return 0, 0, err
	}
	if err := our.await(card, false); err != nil {
		return 0, 0, err
	}
	time.Sleep(rand.N(lookPeriod))
	if err := s.rig.Slot(0).Insert(ctx, card); err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	told := time.Time{}
	listed, err := until("the key is listed", func() (bool, error) {
		if told.IsZero() {
			if seen, err := s.rig.Seen(0); err != nil || !seen {
				return false, err
			}
			told = time.Now()
		}
		return our.isIn(card)
	})
	return listed.Sub(begin), listed.Sub(told), err
}

// recovery is the time from the new pcscd's first answer.
func (s *stand) recovery(our *broker, sig os.Signal) (time.Duration, error) {
	if err := s.rig.Stop(sig); err != nil {
		return 0, err
	}
	if err := our.await(s.cards[0], false); err != nil {
		return 0, err
	}
	time.Sleep(downTime + rand.N(seldomTime))
	ready := make(chan error, 1)
	go func() { ready <- s.rig.Start() }()
	answered, err := until("pcscd answers", func() (bool, error) {
		conn, err := net.Dial("unix", s.rig.Socket)
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	})
	if err != nil {
		return 0, err
	}
	listed, err := until("the key is listed", func() (bool, error) { return our.isIn(s.cards[0]) })
	if err := <-ready; err != nil {
		return 0, err
	}
	return listed.Sub(answered), err
}
