package broker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/platform"
)

// A Broker is what the control socket serves.
var _ control.Broker = (*Broker)(nil)

// Status is the state of the broker at this moment.
func (b *Broker) Status() control.Status {
	server, head := b.server.Status(), b.audit.Head()
	return control.Status{
		Version: b.version, PID: os.Getpid(), Started: b.started, AgentSocket: b.config.Paths.AgentSocket, Sockets: b.socketList(),
		Locked: server.Locked, Paused: server.Paused, Connections: server.Connections, TurnedAway: server.TurnedAway,
		Keys: len(b.server.Ring.List()), Smartcards: CardsInWords(b.Cards()), Cards: cardsIn(b.Cards()), Prompt: b.queue.Name(), OnTerminal: b.paired.OnTerminal(), Approve: b.approval(), Waiting: len(b.queue.Waiting()),
		Seal: string(b.store.Vault().Seal()), Rules: b.server.Rules().Len(), Grants: len(b.Grants()),
		Audit:    control.AuditStatus{Directory: b.AuditDir(), Seq: head.Seq, Hash: head.Hash},
		Problems: b.problems(), Hardening: b.hardening.Notes, Session: b.session.status(),
	}
}

// problems are what does not work now, each with its remedy.
func (b *Broker) problems() []control.Problem {
	var list []control.Problem
	add := func(err error) {
		if err != nil {
			what, remedy := platform.Explain(err)
			list = append(list, control.Problem{What: what, Remedy: remedy})
		}
	}
	add(b.reload.get())
	add(b.store.Err())
	add(b.store.Vault().Check())
	add(b.store.Vault().CheckPassphraseFile())
	if err := b.server.AuditErr(); err != nil {
		add(fmt.Errorf("the audit log cannot be written, so nothing is signed: %w\nmake room on its disk: df %s", err, b.AuditDir()))
	}
	for _, err := range b.lostSockets() {
		add(err)
	}
	add(b.nobodyToAsk())
	for _, u := range b.upstreams {
		for _, err := range u.Problems() {
			add(err)
		}
	}
	for _, err := range cardProblems(b.Cards()) {
		add(err)
	}
	for _, entry := range b.store.All() {
		if entry.Damaged() {
			add(fmt.Errorf("the key %q is %s\n%s", entry.Name, entry.State, entry.Remedy))
		}
	}
	for _, err := range b.certs.Problems() {
		add(err)
	}
	return list
}

// Keys lists the added keys, those of tokens, security keys and cards, the
// sealed ones, and the certificates in files.
func (b *Broker) Keys() []control.Key {
	list := []control.Key{}
	for _, info := range slices.Concat(b.memory.List(), b.tokens.List(), b.fido.List()) {
		list = append(list, control.KeyOf(info))
	}
	if b.cards != nil {
		for _, info := range b.cards.List() {
			list = append(list, control.KeyOf(info))
		}
	}
	return slices.Concat(list, SealedKeys(b.store), CertifiedKeys(b.certs), b.upstreams.keys())
}

func (b *Broker) Refusals() []audit.Record { return b.server.Refusals() }
func (b *Broker) Grants() []policy.Grant   { return b.server.Grants.List(time.Now()) }
func (b *Broker) AuditDir() string         { return b.config.AuditDir() }

// Load brings back what ssh-add -d or -D took off the list.
func (b *Broker) Load(names []string) error {
	if len(names) == 0 {
		b.upstreams.show()
	}
	return b.told(b.store.Load(names...))
}

// Renames writes down what a command does to a sealed key.
func (b *Broker) Renames(peer platform.Peer, renaming control.Renaming) error {
	for _, entry := range b.store.All() {
		if entry.Name == renaming.Old {
			if entry.Fingerprint == "" { // of a damaged one only the command knows it
				entry.Fingerprint = platform.Escape(renaming.Fingerprint, maxText)
			}
			return b.told(b.server.Renames(peer, entry.Info, renaming.Done()))
		}
	}
	return fmt.Errorf("there is no sealed key %q\n`keybroker keys list` shows the names", renaming.Old)
}

// Lock locks the agent, as ssh-add -x does.
func (b *Broker) Lock(peer platform.Peer, passphrase []byte) error {
	return b.server.Lock(peer, passphrase)
}

// Unlock undoes Lock.
func (b *Broker) Unlock(ctx context.Context, peer platform.Peer, passphrase []byte) error {
	return b.server.Unlock(ctx, peer, passphrase)
}

// Pause refuses every use of a key until Resume.
func (b *Broker) Pause(peer platform.Peer) error { return b.told(b.server.Pause(peer)) }

// Resume undoes Pause.
func (b *Broker) Resume(peer platform.Peer) error { return b.told(b.server.Resume(peer)) }

// Waiting are the requests that wait for the person.
func (b *Broker) Waiting() []control.Waiting {
	list := []control.Waiting{}
	for _, w := range b.queue.Waiting() {
		list = append(list, control.Waiting(w))
	}
	return list
}

// Show asks what is held.
func (b *Broker) Show(id string) bool { return b.queue.Show(id) }

// Watch reports changes of Waiting.
func (b *Broker) Watch() (<-chan struct{}, func()) { return b.queue.Watch() }

// Notices are what waits for a hand.
func (b *Broker) Notices() []string { return b.queue.Notices() }

// told passes err on, after those who follow the broker were told of a change.
func (b *Broker) told(err error) error {
	b.feed.Changed()
	return err
}

// Revoke ends one grant, or with "" all of them and what the person denied for a while.
func (b *Broker) Revoke(peer platform.Peer, id string) bool {
	defer b.feed.Changed()
	if id == "" {
		b.queue.EndPauses()
	}
	return b.server.Revoke(peer, id)
}
