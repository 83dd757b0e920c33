package broker

import (
	"context"
	"fmt"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/confirm/paired"
	"github.com/keybroker/keybroker/platform"
)

// Approve lets peer's terminal answer, if the person agrees, until ctx ends.
func (b *Broker) Approve(ctx context.Context, peer platform.Peer, answers func()) error {
	b.approving.Add(1)
	defer b.approving.Done()
	tty, err := platform.OpenTerminal(peer)
	if err != nil {
		return b.notPaired(peer, err)
	}
	began := false
	err = b.paired.Pair(ctx, b.queue, paired.Candidate{
		Terminal: tty, Peer: peer, StillThere: func() error { return platform.Sits(peer) },
		Confirmed: func(where string, alone bool) error {
			if alone {
				if err := b.announce(peer); err != nil {
					return err
				}
			}
			return b.server.Approves(peer, fmt.Sprintf("terminal %s answers from now on; its code was typed in: %s", peer.Terminal, where))
		},
		Started: func() { began = true; b.feed.Changed(); answers() },
	})
	if !began {
		return b.notPaired(peer, err)
	}
	b.server.ApprovesNoMore(peer, fmt.Sprintf("terminal %s answers no more", peer.Terminal))
	return b.told(err)
}

func (b *Broker) notPaired(peer platform.Peer, err error) error {
	err = fmt.Errorf("this terminal is not paired: %w", err)
	b.server.ApprovesNot(peer, err)
	return err
}

// announce tells every other terminal of the person. It is for a pairing that
// nobody else could be asked about: where one could be kept from hearing of it,
// there is none.
func (b *Broker) announce(peer platform.Peer) error {
	text := fmt.Sprintf("keybroker: terminal %s answers its questions from now on (process %d, %s).\n"+
		"If that is not you: kill %d, and see: keybroker log --op approve", peer.Terminal, peer.PID, peer.Chain(), peer.PID)
	err := platform.Announce(text, peer.Terminal)
	b.log.Warn("a terminal wants to answer that nobody else could be asked about", "terminal", peer.Terminal, "process", peer.PID, "not_told", err)
	return err
}

// approval is the terminal that answers, nil when there is none.
func (b *Broker) approval() *control.Approval {
	p, ok := b.paired.Pairing()
	if !ok {
		return nil
	}
	return &control.Approval{Terminal: p.Terminal, PID: p.Peer.PID, Program: p.Peer.Chain(), Since: p.Since}
}

// canAsk says whether there is somebody to ask.
func (b *Broker) canAsk() bool {
	return b.config.Confirm.Prompt != "none" && b.nobodyToAsk() == nil
}

// nobodyToAsk is the problem that there is no way to ask, or nil.
func (b *Broker) nobodyToAsk() error {
	if b.config.Confirm.Prompt == "none" || b.paired.CanAsk() { // "none": as the machine's owner wants it
		return nil
	}
	return fmt.Errorf("nobody can be asked, so what no rule allows is refused\nin a terminal of yours: keybroker approve")
}
