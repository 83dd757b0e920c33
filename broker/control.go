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
	"github.com/keybroker/keybroker/problem"
)

// controlAPI is the broker's side of the control socket.
type controlAPI struct{ *Broker }

var _ control.Broker = controlAPI{}

func (b controlAPI) Status() control.Status {
	server, head := b.server.Status(), b.records.log.Head()
	problems, soon := b.problems()
	return control.Status{
		Version: b.version, PID: os.Getpid(), Started: b.started, AgentSocket: b.config.Paths.AgentSocket, Sockets: append(b.sockets.shown(b.config.Sockets), b.others.shown()...),
		Locked: server.Locked, Paused: server.Paused, Connections: server.Connections, TurnedAway: server.TurnedAway,
		Keys: len(b.server.Ring.List()), Smartcards: CardsInWords(b.Cards()), Cards: cardsIn(b.Cards()), Prompt: b.person.queue.Name(), OnTerminal: b.paired.OnTerminal(), Approve: b.approvals.terminal(), Waiting: len(b.person.queue.Waiting()),
		Seal: string(b.sealed.Vault().Seal()), Rules: b.server.Rules().Len(), Grants: len(b.Grants()),
		Audit:    control.AuditStatus{Directory: b.AuditDir(), Seq: head.Seq, Hash: head.Hash},
		Problems: problems, Soon: soon, Hardening: b.hardening.Notes, Protection: protection(b.hardening), Session: b.session.status(),
	}
}

// Keys lists the keys of every source, and the certificates in files.
func (b controlAPI) Keys() []control.Key {
	list := []control.Key{}
	for _, info := range slices.Concat(b.added.List(), b.tokens.List(), b.fido.List(), b.cards.keys()) {
		list = append(list, control.KeyOf(info))
	}
	return claimed(slices.Concat(list, SealedKeys(b.sealed), CertifiedKeys(b.certs), b.upstreams.keys()), b.claims.All())
}

func (b controlAPI) Refusals() []audit.Record { return b.server.Refusals() }
func (b controlAPI) Grants() []policy.Grant   { return b.server.Grants.List(time.Now()) }
func (b controlAPI) AuditDir() string         { return b.config.AuditDir() }

func (b controlAPI) Cards() control.Cards { return b.cards.shown() }

func (b controlAPI) RefreshCards(ctx context.Context) error { return b.cards.refresh(ctx) }

func (b controlAPI) ForgetCard(id string) bool { return b.cards.forget(id) }

// Approve lets peer's terminal answer, if the person agrees, until ctx ends.
func (b controlAPI) Approve(ctx context.Context, peer platform.Peer, answers func()) error {
	return b.approvals.approve(ctx, peer, answers)
}

// Reload reads the rules again for peer.
func (b controlAPI) Reload(ctx context.Context, peer platform.Peer) (control.Reloaded, error) {
	return b.reload.reload(ctx, peer)
}

// Load brings back what ssh-add -d or -D took off the list.
func (b controlAPI) Load(names []string) error {
	if len(names) == 0 {
		b.upstreams.show()
	}
	return b.changed(b.sealed.Load(names...))
}

// RecordRename records in the audit log what a command does to a sealed key.
func (b controlAPI) RecordRename(peer platform.Peer, renaming control.Renaming) error {
	for _, entry := range b.sealed.All() {
		if entry.Name == renaming.Old {
			if entry.Fingerprint == "" { // only the command knows that of a damaged key
				entry.Fingerprint = platform.Escape(renaming.Fingerprint, maxText)
			}
			return b.changed(b.server.KeyRenamed(peer, entry.Info, renaming.Done()))
		}
	}
	return problem.With(fmt.Errorf("there is no sealed key %q", renaming.Old), "`keybroker keys list` shows the names")
}

// RecordStep records in the audit log what a command did with a key on a host.
func (b controlAPI) RecordStep(peer platform.Peer, step control.Step) (control.Recorded, error) {
	record, err := b.server.RecordStep(peer, step)
	return control.Recorded{Seq: record.Seq, Hash: record.Hash}, b.changed(err)
}

// Lock locks the agent, as ssh-add -x does.
func (b controlAPI) Lock(peer platform.Peer, passphrase []byte) error {
	return b.server.Lock(peer, passphrase)
}

// Unlock undoes Lock.
func (b controlAPI) Unlock(ctx context.Context, peer platform.Peer, passphrase []byte) error {
	return b.server.Unlock(ctx, peer, passphrase)
}

// Pause refuses every use of a key until Resume.
func (b controlAPI) Pause(peer platform.Peer) error { return b.changed(b.server.Pause(peer)) }

// Resume undoes Pause.
func (b controlAPI) Resume(peer platform.Peer) error { return b.changed(b.server.Resume(peer)) }

// Waiting are the requests that wait for the person.
func (b controlAPI) Waiting() []control.Waiting {
	list := []control.Waiting{}
	for _, w := range b.person.queue.Waiting() {
		list = append(list, control.Waiting(w))
	}
	return list
}

// Show asks a question that is held.
func (b controlAPI) Show(id string) bool { return b.person.queue.Show(id) }

// Watch reports changes of Waiting.
func (b controlAPI) Watch() (<-chan struct{}, func()) { return b.person.queue.Watch() }

// Notices are the notices that are shown now: a touch, a card to insert.
func (b controlAPI) Notices() []string { return b.person.queue.Notices() }

// changed tells subscribers about a change, and passes err on.
func (b controlAPI) changed(err error) error {
	b.feed.Changed()
	return err
}

// Revoke ends one grant. With "" it ends all of them, and all temporary denials.
func (b controlAPI) Revoke(peer platform.Peer, id string) bool {
	defer b.feed.Changed()
	if id == "" {
		b.person.queue.EndPauses()
	}
	return b.server.Revoke(peer, id)
}
