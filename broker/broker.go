// Package broker is the daemon: it holds the keys, decides on each request, and
// answers the control socket.
package broker

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent"
	"github.com/keybroker/keybroker/agent/claims"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/paired"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/confine"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/sources/certificates"
	"github.com/keybroker/keybroker/sources/fido"
	"github.com/keybroker/keybroker/sources/pkcs11"
)

// Broker holds the parts of a running broker. New makes them in the order of their
// dependencies; Close ends them in reverse.
type Broker struct {
	config    config.Config
	version   string
	stderr    *heldLog // where log is written
	log       *slog.Logger
	started   time.Time
	hardening platform.Hardening
	terminal  *os.File     // that it was started in, or nil
	feed      control.Feed // tells subscribers about each change
	sockets   sockets
	others    *others
	records   *records
	claims    *claims.Store
	paired    *paired.Paired // reaches the person, and the terminal that they paired
	person    *person
	sealed    *softkeys.Store
	added     *softkeys.Memory
	cards     cards
	tokens    *pkcs11.Source
	fido      *fido.Source
	certs     *certificates.Source // for the keys of all other sources
	upstreams upstreams
	server    *agent.Server
	approvals *approvals
	reload    *reloader

	annotations *annotator
	session     *sessionWatch
	keyWatch    *keyWatch
	control     *control.Server
	ending      sync.Once // starts the time limit of the shutdown
}

// Config is the input of New.
type Config struct {
	config.Config
	Named   bool   // the person named the configuration file, so it must be there
	Version string // of this program
}

// New takes the sockets, opens the audit log and starts what the sources need.
func New(c Config) (_ *Broker, err error) {
	hardening, err := platform.Harden()
	if err != nil {
		return nil, err
	}
	if err := confine.Program(); err != nil {
		hardening.Notes = append(hardening.Notes, "this program keeps rights that it does not need: "+err.Error())
	}
	if note := unconfinedDesktop(confine.Now()); note != "" {
		hardening.Notes = append(hardening.Notes, note)
	}
	b := &Broker{config: c.Config, version: c.Version, started: time.Now(), hardening: hardening, terminal: terminal.Open()}
	defer func() {
		if err != nil {
			b.sockets.turnAway(err)
			b.close()
		}
	}()
	b.stderr = newHeldLog(os.Stderr)
	b.log = slog.New(agent.QuietLog(b.stderr.handler()))
	if err = mayStart(&b.config, b.version); err != nil {
		return nil, err
	}
	if b.sockets, err = listen(&b.config); err != nil {
		return nil, err
	}
	b.others = listenForOthers(b.config.Windows)
	if b.records, err = openRecords(&b.config, b.log); err != nil {
		return nil, err
	}
	b.claims = claims.Open(claims.Config{File: claimsFile(&b.config), AuditDir: b.config.AuditDir(), Now: time.Now, Expired: b.keyExpired})
	if err = b.meetPerson(); err != nil {
		return nil, err
	}
	ring, err := b.ring()
	if err != nil {
		return nil, err
	}
	b.serve(ring, c.Named)
	return b, nil
}

// meetPerson finds the way to ask.
func (b *Broker) meetPerson() (err error) {
	c := b.config.Confirm
	if b.paired, err = paired.New(ways.Config{Prompt: c.Prompt, Window: c.Window, Pinentry: c.Pinentry, Terminal: b.terminal, OnQuestion: b.stderr.hold}); err != nil {
		return config.Invalid(err)
	}
	queue := confirm.NewQueue(b.paired, confirm.QueueConfig{Timeout: c.Timeout, Log: b.log, Background: confirm.Background(c.Background), Changed: b.feed.Changed})
	b.person = &person{queue: queue, history: b.records.index.History, grants: new(policy.Grants)}
	return nil
}

// serve makes the servers behind the sockets.
func (b *Broker) serve(ring *keys.Ring, named bool) {
	c, queue := &b.config, b.person.queue
	b.keyWatch = newKeyWatch(b.records.index, b.log)
	b.server = agent.NewServer(agent.Config{
		Ring:   ring,
		Grants: b.person.grants, Audit: b.records.log, Prompt: queue, Log: b.log, Hosts: agent.StandardKnownHosts(), SSHConfig: agent.StandardSSHConfig(),
		PeerOf: new(platform.Peers).PeerOf, CallerOf: platform.CallerOf, Allowed: platform.SameUser, Written: b.written, Logins: b.records.index.Logins, History: b.person.before, Claims: b.claims,
		ForwardedChanges: c.Agent.ForwardedChanges, RemoteProviders: c.PKCS11.Remote,
		UnlockGivesPIN: c.PIV.UnlockGivesPIN,
	}, c.PolicyRules())
	b.approvals = &approvals{paired: b.paired, queue: queue, server: b.server, log: b.log, changed: b.feed.Changed, prompt: c.Confirm.Prompt}
	b.reload = &reloader{config: c, named: named, server: b.server, queue: queue, approvals: b.approvals, log: b.log, changed: b.feed.Changed}
	b.annotations = &annotator{store: b.claims, server: b.server, queue: queue, approvals: b.approvals, known: controlAPI{b}.Keys}
	b.session = newSessionWatch(c.Session, b.server, b.log, b.feed.Changed)
	b.keyWatch.list, b.keyWatch.write = b.everyKey, b.server.HoldsOthers
	b.control = control.NewServer(control.Config{Broker: controlAPI{b}, Feed: &b.feed, Log: b.log, PeerOf: platform.PeerOf, Allowed: platform.SameUser})
}

// ring opens the sources of keys. Cards come before sealed files: when both have the
// same key, the copy that cannot be read out signs.
func (b *Broker) ring() (_ *keys.Ring, err error) {
	c, asker := &b.config, b.person.asker()
	b.sealed = SealedStore(c, asker)
	b.added = softkeys.NewMemory(softkeys.Clock{})
	if b.cards, err = newCards(c, asker, b.feed.Changed, b.log); err != nil {
		return nil, err
	}
	b.tokens = pkcs11.New(pkcs11.Config{Allowed: c.PKCS11.Providers, Log: b.log})
	b.fido = fido.New(fido.Config{Allowed: c.PKCS11.Providers, Websafe: c.FIDO.Websafe, Log: b.log, Person: asker})
	b.upstreams = newUpstreams(c.Upstreams, b.sockets.addresses(), b.feed.Changed, b.log)
	sources := []keys.Source{b.added, b.sealed, b.tokens, b.fido}
	if b.cards.source != nil {
		sources = slices.Insert(sources, 1, keys.Source(b.cards.source))
	}
	sources = b.upstreams.around(sources, c.Upstreams)
	b.certs = Certificates(c, keys.NewRing(sources...))
	return keys.NewRing(append(sources, b.certs)...), nil
}

// Sealed returns the sealed keys, proved if that needs no question.
func (b *Broker) Sealed(ctx context.Context) *softkeys.Store {
	b.prove(ctx)
	return b.sealed
}

// HasTerminal reports whether the broker was started in a terminal.
func (b *Broker) HasTerminal() bool { return b.terminal != nil }

// Prompt names the way in which the person is asked.
func (b *Broker) Prompt() string { return b.person.queue.Name() }
