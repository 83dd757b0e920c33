//go:build linux

package main

import (
	"encoding/binary"
	"fmt"

	"github.com/keybroker/keybroker/bench/internal/gauge"
)

// group is a set of measures on two running agents with the same keys, or (fresh) on two
// that are started for each turn.
type group struct {
	keybroker kind
	keys      []*key
	fresh     bool
	rounds    int
	measures  []measure
	against   *kind // nil: ssh-agent
}

// groups lists all measures, with their targets.
func (b *bench) groups() ([]group, error) {
	k, err := newGroupKeys()
	if err != nil {
		return nil, err
	}
	login, err := newSSHLogin(k.many[listKeys-1])
	if err != nil {
		return nil, err
	}
	ed25519, rsa, ecdsa, many := k.ed25519, k.rsa, k.ecdsa, k.many
	list := []group{
		{b.keybroker, []*key{ed25519, rsa}, false, b.rounds, []measure{
			{"sign, ed25519", "µs", gauge.RatioAtMost(0.15), b.latency(ed25519.Sign, ed25519.Verify)},
			{"sign, ed25519, 64 connections", gauge.PerSecond, gauge.RatioAtLeast(10), b.crowded(crowdSize, ed25519)},
			{"sign, rsa-3072", "µs", gauge.RatioAtMost(1.2), b.latency(rsa.Sign, rsa.Verify)},
			{"list of 2 keys", "µs", gauge.NoTarget, b.latency(gauge.ListRequest, countsTo(2))},
			{"login: connect, list, sign", "µs", gauge.RatioAtMost(0.4), b.logins(ed25519)},
		}, nil},
		{b.keybroker, nil, false, b.rounds, []measure{
			{"connection: connect, empty list", "µs", gauge.RatioAtMost(1.5), b.connections(countsTo(0))},
		}, nil},
		{b.keybroker, []*key{ed25519}, false, b.rounds, []measure{
			{"list of 1 key", "µs", gauge.RatioAtMost(1.2), b.latency(gauge.ListRequest, countsTo(1))},
		}, nil},
		{b.keybroker, many, false, b.rounds, []measure{
			{"list of 1,000 keys", "µs", gauge.RatioAtMost(0.5), b.latency(gauge.ListRequest, countsTo(listKeys))},
		}, nil},
		{b.keybroker, many, false, min(b.rounds, loginTurns), []measure{
			{"ssh to a known host, 1,000 keys", "ms", gauge.NoTarget, login.took},
			{"ssh to a known host: keys offered", "keys", gauge.AtMost(1, "keys"), login.offered},
		}, nil},
		{b.keybroker, nil, true, b.rounds, []measure{
			{"start to first answer", "ms", gauge.RatioAtMost(1.5), startTook},
		}, nil},
		{activated(b.keybroker), nil, true, b.rounds, []measure{
			{"start by a socket unit: first connection to first answer", "ms", gauge.NoTarget, startTook},
		}, nil},
		{b.keybroker, nil, true, min(b.rounds, memoryTurns), []measure{
			{"memory at rest", "MiB", gauge.AtMost(12, "MiB"), atRest},
		}, nil},
		{b.keybroker, []*key{ed25519}, true, min(b.rounds, memoryTurns), []measure{
			{"memory after logins", "MiB", gauge.AtMost(20, "MiB"), b.afterLogins(ed25519)},
		}, nil},
		{b.keybroker, nil, true, 1, []measure{
			{"wake-ups in 10 s at rest", "switches", gauge.AtMost(0, "switches"), wakeUps},
		}, nil},
		{b.keybroker, nil, true, 1, []measure{
			{"memory of an idle connection", "KiB", gauge.AtMost(6, "KiB"), b.idle},
		}, nil},
		{b.keybroker, nil, true, 1, []measure{
			{"memory of an added key", "KiB", gauge.AtMost(4, "KiB"), memoryOfKey(many)},
		}, nil},
		{b.keybroker, []*key{ecdsa}, false, b.rounds, []measure{
			{"sign, ecdsa-p256", "µs", gauge.NoTarget, b.latency(ecdsa.Sign, ecdsa.Verify)},
		}, nil},
		{b.power, []*key{ed25519}, false, b.rounds, []measure{
			{"power: sign, ed25519", "µs", gauge.NoTarget, b.latency(ed25519.Sign, ed25519.Verify)},
			{"power: sign, ed25519, 64 connections", gauge.PerSecond, gauge.NoTarget, b.crowded(crowdSize, ed25519)},
		}, nil},
		{b.tray, []*key{ed25519}, true, min(b.rounds, memoryTurns), []measure{
			{"tray, beside its broker", "MiB", gauge.AtMost(15, "MiB"), b.beside},
		}, &b.keybroker},
	}
	list = append(list, b.aboveFloorGroups(ed25519, ecdsa)...)
	if b.screen != nil {
		list = append(list, group{b.window, []*key{ed25519}, true, windowRounds, []measure{
			{"window, beside pinentry-qt", "ms", gauge.AtMost(150, "ms"), b.visible(ed25519)},
			{"window, ratio to pinentry-qt", "ms", gauge.RatioAtMost(1), b.visible(ed25519)},
		}, &b.pinentry})
	}
	return list, nil
}

// groupKeys are the keys that the groups share.
type groupKeys struct {
	ed25519, rsa, ecdsa *key
	many                []*key // listKeys of them, all ed25519
}

func newGroupKeys() (k groupKeys, err error) {
	if k.ed25519, err = newEd25519(); err != nil {
		return k, err
	}
	if k.rsa, err = newRSA(); err != nil {
		return k, err
	}
	if k.ecdsa, err = newECDSA(); err != nil {
		return k, err
	}
	k.many = make([]*key, listKeys)
	for i := range k.many {
		if k.many[i], err = newEd25519(); err != nil {
			return k, err
		}
	}
	return k, nil
}

func countsTo(n uint32) func([]byte) error {
	return func(reply []byte) error {
		if got := binary.BigEndian.Uint32(reply[1:]); got != n {
			return fmt.Errorf("a list of %d keys instead of %d", got, n)
		}
		return nil
	}
}

// aboveFloorGroups measure beside the least that an agent in Go can cost.
func (b *bench) aboveFloorGroups(ed25519, ecdsa *key) []group {
	return []group{
		{b.keybroker, nil, false, b.rounds, []measure{
			{"beside the floor: connect, empty list", "µs", gauge.NoTarget, b.connections(countsTo(0))},
			{"beside the floor: empty list", "µs", gauge.NoTarget, b.latency(gauge.ListRequest, countsTo(0))},
		}, &b.floor},
		{b.keybroker, []*key{ed25519, ecdsa}, false, b.rounds, []measure{
			{"beside the floor: sign, ed25519", "µs", gauge.RatioAtMost(1.5), b.aboveFloor(ed25519)},
			{"beside the floor: sign, ecdsa-p256", "µs", gauge.RatioAtMost(1.5), b.aboveFloor(ecdsa)},
		}, &b.floor},
	}
}
