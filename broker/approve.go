package broker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/keybroker/keybroker/agent"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/paired"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// approvals keeps the terminal that the person paired to answer the broker's questions,
// and knows whether anybody can be asked at all.
type approvals struct {
	paired  *paired.Paired
	queue   *confirm.Queue
	server  *agent.Server
	log     *slog.Logger
	changed func()
	prompt  string // [confirm] prompt

	running sync.WaitGroup // terminals that answer or are being paired
}

// approve lets peer's terminal answer, if the person agrees, until ctx ends.
func (a *approvals) approve(ctx context.Context, peer platform.Peer, answers func()) error {
	a.running.Add(1)
	defer a.running.Done()
	tty, err := platform.OpenTerminal(peer)
	if err != nil {
		return a.notPaired(peer, err)
	}
	began := false
	err = a.paired.Pair(ctx, a.queue, paired.Candidate{
		Terminal: tty, Peer: peer, StillThere: func() error { return platform.Sits(peer) },
		Confirmed: func(where string, alone bool) error {
			if alone {
				if err := a.announce(peer); err != nil {
					return err
				}
			}
			return a.server.TerminalPaired(peer, fmt.Sprintf("terminal %s answers from now on; its code was typed in: %s", peer.Terminal, where))
		},
		Started: func() { began = true; a.changed(); answers() },
	})
	if !began {
		return a.notPaired(peer, err)
	}
	a.server.PairingEnded(peer, fmt.Sprintf("terminal %s answers no more", peer.Terminal))
	a.changed()
	return err
}

func (a *approvals) notPaired(peer platform.Peer, err error) error {
	err = fmt.Errorf("this terminal is not paired: %w", err)
	a.server.PairingRefused(peer, err)
	return err
}

// announce tells every other terminal of the person about a pairing that nobody else
// could be asked about. If one of them may not have received the message, the
// terminal is not paired.
func (a *approvals) announce(peer platform.Peer) error {
	text := fmt.Sprintf("keybroker: terminal %s answers its questions from now on (process %d, %s).\n"+
		"If that is not you: kill %d, and see: keybroker log --op approve", peer.Terminal, peer.PID, peer.Chain(), peer.PID)
	err := platform.Announce(text, peer.Terminal)
	a.log.Warn("a terminal asks to be paired, and nobody but the person's other terminals can be told", "terminal", peer.Terminal, "process", peer.PID, "not_told", err)
	return err
}

// terminal is the paired terminal, or nil.
func (a *approvals) terminal() *control.Approval {
	p, ok := a.paired.Pairing()
	if !ok {
		return nil
	}
	return &control.Approval{Terminal: p.Terminal, PID: p.Peer.PID, Program: p.Peer.Chain(), Since: p.Since}
}

// canAsk reports whether anybody can be asked.
func (a *approvals) canAsk() bool {
	return a.prompt != ways.PromptNone && a.nobodyToAsk() == nil
}

// nobodyToAsk is the problem that nobody can be asked, or nil.
func (a *approvals) nobodyToAsk() error {
	if a.prompt == ways.PromptNone || a.paired.CanAsk() { // PromptNone is the configured choice
		return nil
	}
	return problem.New("nobody can be asked, so what no rule allows is refused", ways.ApproveHere)
}
