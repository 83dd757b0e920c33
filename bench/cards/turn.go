//go:build linux && cgo

package main

import (
	"fmt"
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
	"github.com/keybroker/keybroker/piv/pivtest"
)

// signTime is the length of a turn, the same for all programs, so that other load on the
// machine affects all alike.
const signTime = 200 * time.Millisecond

// result is the result of one turn.
type result struct {
	median     float64       // ms
	whole      time.Duration // of all signatures
	signatures int
	commands   int // that the card got
}

// each is the number of commands for a signature.
func (r result) each() float64 { return float64(r.commands) / float64(r.signatures) }

// timed calls sign repeatedly for signTime, at least once.
func timed(card *pivtest.Card, sign func() error) (result, error) {
	var took []time.Duration
	r := result{commands: -card.Counts().APDUs}
	for end := time.Now().Add(signTime); time.Now().Before(end) || len(took) == 0; {
		begin := time.Now()
		err := sign()
		took = append(took, time.Since(begin))
		if err != nil {
			return r, err
		}
		r.whole += took[len(took)-1]
	}
	r.commands += card.Counts().APDUs
	r.median, r.signatures = ms(gauge.Quantile(took, 0.5)), len(took)
	return r, nil
}

// turn is one turn of an agent, on one connection. It verifies the last signature outside
// of the measured time.
func turn(socket string, login gauge.Login, card *pivtest.Card) (result, error) {
	c, err := gauge.Dial(socket, make([]byte, gauge.ReplyBytes))
	if err != nil {
		return result{}, err
	}
	defer c.Close()
	var reply []byte
	r, err := timed(card, func() (err error) {
		reply, err = c.Ask(login.Sign)
		return err
	})
	if err != nil {
		return r, err
	}
	return r, login.Verify(reply)
}

// share runs one turn and returns its result and the mean time per signature, in ms,
// that was spent outside of exchanges with the card. It compares the broker's count
// of exchanges with the card's.
func (b *broker) share(login gauge.Login, card *pivtest.Card) (result, float64, error) {
	before, err := b.exchanges()
	if err != nil {
		return result{}, 0, err
	}
	r, err := turn(b.Socket, login, card)
	if err != nil {
		return r, 0, err
	}
	after, err := b.exchanges()
	if err == nil && after.count-before.count != uint64(r.commands) {
		err = fmt.Errorf("the broker counted %d commands, the card %d", after.count-before.count, r.commands)
	}
	return r, ms(r.whole-(after.took-before.took)) / float64(r.signatures), err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
