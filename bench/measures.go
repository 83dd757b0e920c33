//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// What one turn of one agent takes.
const (
	signTurn  = 1000 // signatures, one after the other
	rsaTurn   = 100
	listTurn  = 200
	loginTurn = 200 // connections
	crowdTurn = time.Second
	startTurn = 5 // starts

	crowdSize = 64
	listKeys  = 1000
	idleSize  = 10_000

	// verifyEach is which signatures are verified, after the time was taken.
	verifyEach = 100
	// settleTime is for what a program still does after its answers, before
	// its memory is read.
	settleTime = 2 * time.Second
)

// measure is one figure. turn returns its value in unit for one turn of one
// agent: of a running one, or (a group that is fresh) of ones that it starts.
type measure struct {
	what   string
	unit   string
	target target
	turn   func(b *bench, a *agent) (float64, error)
}

func signatures(of func(*bench) *key, n int) func(*bench, *agent) (float64, error) {
	return func(b *bench, a *agent) (float64, error) {
		k := of(b)
		c, err := dial(a.socket, b.buf)
		if err != nil {
			return 0, err
		}
		defer c.close()
		var sample [][]byte
		took := make([]time.Duration, n)
		for i := range took {
			begin := time.Now()
			reply, err := c.ask(k.sign)
			took[i] = time.Since(begin)
			if err != nil {
				return 0, err
			}
			if i%verifyEach == 0 {
				sample = append(sample, slices.Clone(reply))
			}
		}
		return micros(middle(took)), k.verifyAll(sample)
	}
}
