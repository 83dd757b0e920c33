package main

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

// The daemon is what the control socket serves.
var _ control.Broker = (*daemon)(nil)

// Status is the state of the broker at this moment.
func (d *daemon) Status() control.Status {
	server, head := d.server.Status(), d.audit.Head()
	return control.Status{
		Version: version, PID: os.Getpid(), Started: d.started, AgentSocket: d.app.config.Paths.AgentSocket, Sockets: d.socketList(),
		Locked: server.Locked, Paused: server.Paused, Connections: server.Connections, TurnedAway: server.TurnedAway,
		Keys: len(d.server.Ring.List()), Smartcards: cardsInWords(d.Cards()), Cards: cardsIn(d.Cards()), Prompt: d.queue.Name(), OnTerminal: d.paired.OnTerminal(), Approve: d.approval(), Waiting: len(d.queue.Waiting()),
		Seal: string(d.store.Vault().Seal()), Rules: d.server.Rules().Len(), Grants: len(d.Grants()),
		Audit:    control.AuditStatus{Directory: d.AuditDir(), Seq: head.Seq, Hash: head.Hash},
		Problems: d.problems(), Hardening: d.hardening.Notes, Session: d.session.status(),
	}
}

// problems are what does not work now, each with its remedy.
func (d *daemon) problems() []control.Problem {
	var list []control.Problem
	add := func(err error) {
		if err != nil {
			what, remedy := parted(err)
			list = append(list, control.Problem{What: what, Remedy: remedy})
		}
	}
	add(d.reload.get())
	add(d.store.Err())
	add(d.store.Vault().Check())
	add(d.store.Vault().CheckPassphraseFile())
	if err := d.server.AuditErr(); err != nil {
		add(fmt.Errorf("the audit log cannot be written, so nothing is signed: %w\nmake room on its disk: df %s", err, d.AuditDir()))
	}
	for _, err := range d.lostSockets() {
		add(err)
	}
	add(d.nobodyToAsk())
	for _, u := range d.upstreams {
		for _, err := range u.Problems() {
			add(err)
		}
	}
	for _, err := range cardProblems(d.Cards()) {
		add(err)
	}
	for _, entry := range d.store.All() {
		if entry.Damaged() {
			add(fmt.Errorf("the key %q is %s\n%s", entry.Name, entry.State, entry.Remedy))
		}
	}
	for _, err := range d.certs.Problems() {
		add(err)
	}
	return list
}

// Keys lists the added keys, those of tokens, security keys and cards, the
// sealed ones, and the certificates in files.
func (d *daemon) Keys() []control.Key {
	list := []control.Key{}
	for _, info := range slices.Concat(d.memory.List(), d.tokens.List(), d.fido.List()) {
		list = append(list, control.KeyOf(info))
	}
	if d.cards != nil {
		for _, info := range d.cards.List() {
			list = append(list, control.KeyOf(info))
		}
	}
	return slices.Concat(list, storedKeys(d.store), certifiedKeys(d.certs), d.upstreams.keys())
}

func (d *daemon) Refusals() []audit.Record { return d.server.Refusals() }
func (d *daemon) Grants() []policy.Grant   { return d.server.Grants.List(time.Now()) }
func (d *daemon) AuditDir() string         { return d.app.config.AuditDir() }

// Load brings back what ssh-add -d or -D took off the list.
func (d *daemon) Load(names []string) error {
	if len(names) == 0 {
		d.upstreams.show()
	}
	return d.told(d.store.Load(names...))
}

// Renames writes down what a command does to a sealed key.
func (d *daemon) Renames(peer platform.Peer, renaming control.Renaming) error {
	for _, entry := range d.store.All() {
		if entry.Name == renaming.Old {
			if entry.Fingerprint == "" { // of a damaged one only the command knows it
				entry.Fingerprint = platform.Escape(renaming.Fingerprint, maxCell)
			}
			return d.told(d.server.Renames(peer, entry.Info, renamed(renaming)))
		}
	}
	return fmt.Errorf("there is no sealed key %q\n`keybroker keys list` shows the names", renaming.Old)
}

// Lock locks the agent, as ssh-add -x does.
func (d *daemon) Lock(peer platform.Peer, passphrase []byte) error {
	return d.server.Lock(peer, passphrase)
}

// Unlock undoes Lock.
func (d *daemon) Unlock(ctx context.Context, peer platform.Peer, passphrase []byte) error {
	return d.server.Unlock(ctx, peer, passphrase)
}

// Pause refuses every use of a key until Resume.
func (d *daemon) Pause(peer platform.Peer) error { return d.told(d.server.Pause(peer)) }

// Resume undoes Pause.
func (d *daemon) Resume(peer platform.Peer) error { return d.told(d.server.Resume(peer)) }

// Waiting are the requests that wait for the person.
func (d *daemon) Waiting() []control.Waiting {
	list := []control.Waiting{}
	for _, w := range d.queue.Waiting() {
		list = append(list, control.Waiting(w))
	}
	return list
}

// Show asks what is held.
func (d *daemon) Show(id string) bool { return d.queue.Show(id) }

// Watch reports changes of Waiting.
func (d *daemon) Watch() (<-chan struct{}, func()) { return d.queue.Watch() }

// Notices are what waits for a hand.
func (d *daemon) Notices() []string { return d.queue.Notices() }

// told passes err on, after those who follow the broker were told of a change.
func (d *daemon) told(err error) error {
	d.feed.Changed()
	return err
}

// Revoke ends one grant, or with "" all of them and what the person denied for a while.
func (d *daemon) Revoke(peer platform.Peer, id string) bool {
	defer d.feed.Changed()
	if id == "" {
		d.queue.EndPauses()
	}
	return d.server.Revoke(peer, id)
}
