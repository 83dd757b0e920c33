//go:build linux

package main

import (
	"slices"
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
)

// The size of one turn of one agent.
const (
	// Turns are short and many, so that other load on the machine affects both agents
	// alike. They last equally long: with equally many requests, the faster agent would
	// be measured only while the caches are cold from the other one's turn.
	turn      = 150 * time.Millisecond
	crowdTurn = 250 * time.Millisecond

	memoryTurns = 3

	crowdSize = 64
	listKeys  = 1_000
	idleSize  = 5_000 // connections of keybroker; they and a few more need as many open files

	// verifyEach: every so many signatures one is verified, outside of the time.
	verifyEach = 50
	// settleTime lets a program finish its work after its answer, before its memory
	// is read.
	settleTime = 4 * time.Second
	// quietTime is how long after its start a program is at rest: keybroker has tried
	// three times to find a bus that is not there, and tries again after this second.
	quietTime = 18 * time.Second
	restTime  = 10 * time.Second
)

// measure is one figure: turn returns its value, in unit, for one turn of one
// running agent.
type measure struct {
	what   string
	unit   string
	target gauge.Target
	turn   func(*agent) (float64, error)
}

// latency is the median time of successive answers on one connection.
func (b *bench) latency(r gauge.Request, verify func(reply []byte) error) func(*agent) (float64, error) {
	return func(a *agent) (float64, error) {
		c, err := gauge.Dial(a.Socket, b.buf)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		return medianTime(func() ([]byte, error) { return c.Ask(r) }, verify)
	}
}

// logins is the median time of the steps of an ssh login: connect, list, sign, hang up.
func (b *bench) logins(k *key) func(*agent) (float64, error) {
	return func(a *agent) (float64, error) {
		return medianTime(func() ([]byte, error) { return a.login(k, b.buf) }, k.Verify)
	}
}

// connections is the median time of a connection with one request: connect, list, hang up.
func (b *bench) connections(verify func(reply []byte) error) func(*agent) (float64, error) {
	return func(a *agent) (float64, error) {
		return medianTime(func() ([]byte, error) { return a.connectAndList(b.buf) }, verify)
	}
}

func (a *agent) connectAndList(buf []byte) ([]byte, error) {
	c, err := gauge.Dial(a.Socket, buf)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Ask(gauge.ListRequest)
}

// medianTime is the median time in microseconds that ask takes in one turn. Some
// of the replies are verified afterwards.
func medianTime(ask func() ([]byte, error), verify func(reply []byte) error) (float64, error) {
	var took []time.Duration
	var sample samples
	for i, end := 0, time.Now().Add(turn); time.Now().Before(end); i++ {
		begin := time.Now()
		reply, err := ask()
		took = append(took, time.Since(begin))
		if err != nil {
			return 0, err
		}
		sample.take(i, reply)
	}
	return float64(gauge.Quantile(took, 0.5)) / float64(time.Microsecond), sample.each(verify)
}

func (a *agent) login(k *key, buf []byte) ([]byte, error) {
	c, err := gauge.Dial(a.Socket, buf)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.Ask(gauge.ListRequest); err != nil {
		return nil, err
	}
	return c.Ask(k.Sign)
}

// crowded is the number of signatures in a second on n connections at once.
func (b *bench) crowded(n int, k *key) func(*agent) (float64, error) {
	return func(a *agent) (float64, error) {
		crowd, err := newCrowd(a.Socket, n, b.buf, k.Sign)
		if err != nil {
			return 0, err
		}
		defer crowd.close()
		var sample samples
		rate, err := crowd.run(crowdTurn, k.Sign, sample.take)
		if err != nil {
			return 0, err
		}
		return rate, sample.each(k.Verify)
	}
}

// startTook is the time in ms from the start of the process to its first answer.
func startTook(a *agent) (float64, error) { return a.Took.Seconds() * 1000, nil }

// atRest is the memory of an agent that has answered once and then nothing for a while,
// in MiB.
func atRest(a *agent) (float64, error) {
	time.Sleep(settleTime)
	kib, err := a.Resident()
	return kib / 1024, err
}

// afterLogins is its memory after a turn of logins, in MiB.
func (b *bench) afterLogins(k *key) func(*agent) (float64, error) {
	logins := b.logins(k)
	return func(a *agent) (float64, error) {
		time.Sleep(settleTime)
		if _, err := logins(a); err != nil {
			return 0, err
		}
		kib, err := a.Resident()
		return kib / 1024, err
	}
}

// wakeUps counts how often an agent at rest runs in restTime.
func wakeUps(a *agent) (float64, error) {
	time.Sleep(quietTime)
	before, err := a.WakeUps()
	if err != nil {
		return 0, err
	}
	time.Sleep(restTime)
	after, err := a.WakeUps()
	return after - before, err
}

// memoryOfKey is the memory in KiB that each of many added keys takes.
func memoryOfKey(keys []*key) func(*agent) (float64, error) {
	return func(a *agent) (float64, error) {
		time.Sleep(settleTime)
		before, err := a.Own()
		if err != nil {
			return 0, err
		}
		if err := a.add(keys...); err != nil {
			return 0, err
		}
		time.Sleep(settleTime)
		after, err := a.Own()
		return (after - before) / float64(len(keys)), err
	}
}

// idle is the memory in KiB that each of many connections takes, all of them
// answered once and held open.
func (b *bench) idle(a *agent) (float64, error) {
	time.Sleep(settleTime)
	before, err := a.Own()
	if err != nil {
		return 0, err
	}
	crowd, err := newCrowd(a.Socket, a.kind.idle, b.buf, gauge.ListRequest)
	if err != nil {
		return 0, err
	}
	defer crowd.close()
	time.Sleep(settleTime)
	after, err := a.Own()
	return (after - before) / float64(a.kind.idle), err
}

// samples keeps some replies, to verify them outside of the measured time.
type samples struct{ replies [][]byte }

func (s *samples) take(i int, reply []byte) {
	if i%verifyEach == 0 {
		s.replies = append(s.replies, slices.Clone(reply))
	}
}

func (s *samples) each(verify func([]byte) error) error {
	for _, reply := range s.replies {
		if err := verify(reply); err != nil {
			return err
		}
	}
	return nil
}
