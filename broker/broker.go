// Package broker is the daemon: it holds the keys, decides over each request, and
// answers the control socket.
package broker

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/keybroker/keybroker/agent"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/paired"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/sources/certificates"
	"github.com/keybroker/keybroker/sources/fido"
	"github.com/keybroker/keybroker/sources/pkcs11"
)

// drainTime is how long requests that were read may take to end after SIGTERM.
// A service manager kills after 90 seconds; a person at shutdown waits for less.
const drainTime = 5 * time.Second

// endTime bounds the whole end, whatever hangs: a card's driver, another agent, a
// program at the control socket. What is left then goes with the process.
const endTime = 15 * time.Second

// Broker holds the parts of a running broker. New makes them in the order in which
// they depend on each other; Close goes the other way.
type Broker struct {
	config    config.Config
	version   string
	log       *slog.Logger
	started   time.Time
	hardening platform.Hardening
	terminal  *os.File     // that it was started in; nil: none
	feed      control.Feed // tells those who follow of each change
	sockets   sockets
	records   *records
	paired    *paired.Paired // reaches the person, and one terminal that they named
	person    *person
	sealed    *softkeys.Store
	added     *softkeys.Memory
	cards     cards
	tokens    *pkcs11.Source
	fido      *fido.Source
	certs     *certificates.Source // of the keys of all other sources
	upstreams upstreams
	server    *agent.Server
	approvals *approvals
	reload    *reloader
	session   *sessionWatch
	control   *control.Server
	ending    sync.Once // the end is bounded
}

// Config is what a broker is made with.
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
	b := &Broker{config: c.Config, version: c.Version, started: time.Now(), hardening: hardening, terminal: OwnTerminal()}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	b.log = slog.New(agent.QuietLog(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: platform.PlainAttr})))
	if err = mayStart(&b.config); err != nil {
		return nil, err
	}
	if b.sockets, err = listen(&b.config); err != nil {
		return nil, err
	}
	if b.records, err = openRecords(&b.config, &b.feed, b.log); err != nil {
		return nil, err
	}
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
	if b.paired, err = paired.New(ways.Config{Prompt: c.Prompt, Window: c.Window, Pinentry: c.Pinentry, Terminal: b.terminal}); err != nil {
		return config.Invalid(err)
	}
	queue := confirm.NewQueue(b.paired, confirm.QueueConfig{Timeout: c.Timeout, Log: b.log, Background: confirm.Background(c.Background), Changed: b.feed.Changed})
	b.person = &person{queue: queue, history: b.records.index.History, grants: new(policy.Grants)}
	return nil
}

// serve makes what answers the sockets.
func (b *Broker) serve(ring *keys.Ring, named bool) {
	c, queue := &b.config, b.person.queue
	b.server = agent.NewServer(agent.Config{
		Ring:   ring,
		Grants: b.person.grants, Audit: b.records.log, Prompt: queue, Log: b.log, Hosts: agent.StandardKnownHosts(), SSHConfig: agent.StandardSSHConfig(),
		PeerOf: platform.PeerOf, Allowed: platform.SameUser, Written: b.records.written, Logins: b.records.index.Logins, History: b.person.before,
		ForwardedChanges: c.Agent.ForwardedChanges, RemoteProviders: c.PKCS11.Remote,
		UnlockGivesPIN: c.PIV.UnlockGivesPIN,
	}, c.PolicyRules())
	b.approvals = &approvals{paired: b.paired, queue: queue, server: b.server, log: b.log, changed: b.feed.Changed, prompt: c.Confirm.Prompt}
	b.reload = &reloader{config: c, named: named, server: b.server, queue: queue, approvals: b.approvals, log: b.log, changed: b.feed.Changed}
	b.session = newSessionWatch(c.Session, b.server, b.log, b.feed.Changed)
	b.control = control.NewServer(control.Config{Broker: controlAPI{b}, Feed: &b.feed, Log: b.log, PeerOf: platform.PeerOf, Allowed: platform.SameUser})
}

// ring opens the sources of keys. Cards come before sealed files: of a key that is in
// both, the copy that nobody can read signs.
func (b *Broker) ring() (_ *keys.Ring, err error) {
	c := &b.config
	b.sealed = SealedStore(c, b.person.askPassphrase)
	b.added = softkeys.NewMemory(softkeys.Clock{})
	if b.cards, err = newCards(c, b.person, b.feed.Changed, b.log); err != nil {
		return nil, err
	}
	b.tokens = pkcs11.New(pkcs11.Config{Allowed: c.PKCS11.Providers, Log: b.log})
	b.fido = fido.New(fido.Config{Allowed: c.PKCS11.Providers, Websafe: c.FIDO.Websafe, Log: b.log, AskPIN: b.person.askKeyPIN, Notify: b.person.notifyTouch})
	b.upstreams = newUpstreams(c.Upstreams, b.sockets.addresses(), b.feed.Changed, b.log)
	sources := []keys.Source{b.added, b.sealed, b.tokens, b.fido}
	if b.cards.source != nil {
		sources = slices.Insert(sources, 1, keys.Source(b.cards.source))
	}
	sources = b.upstreams.around(sources, c.Upstreams)
	b.certs = Certificates(c, keys.NewRing(sources...))
	return keys.NewRing(append(sources, b.certs)...), nil
}

// OwnTerminal is the terminal that this process was started in, if it was.
func OwnTerminal() *os.File {
	stat, err := os.Stdin.Stat()
	if err != nil || stat.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	tty, err := os.OpenFile(terminal.Path, os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	return tty
}

// Sealed are the sealed keys, proved where that asks nobody.
func (b *Broker) Sealed(ctx context.Context) *softkeys.Store {
	b.prove(ctx)
	return b.sealed
}

// HasTerminal says whether the broker was started in a terminal.
func (b *Broker) HasTerminal() bool { return b.terminal != nil }

// Prompt is the way in which a person is asked.
func (b *Broker) Prompt() string { return b.person.queue.Name() }

// prove lets the keychain prove what is listed, where it asks nobody. A
// passphrase in a file costs the work of a guess, and has time until it is needed.
func (b *Broker) prove(ctx context.Context) {
	if b.sealed.Vault().Seal() == softkeys.SealKeychain {
		b.sealed.Prove(ctx)
	}
}

// Run serves until ctx ends.
func (b *Broker) Run(ctx context.Context) error {
	defer b.records.heads.start()() // ends last: the last head is that of all that was written
	b.server.Started(b.howStarted())
	for _, f := range b.config.Fixed {
		if f.NotTaken != "" {
			b.log.Warn("a setting of the configuration is not taken: the machine's owner has fixed it", "setting", f.Setting, "value", f.NotTaken, "fixed", f.Owner, "by", f.By)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var reloads sync.WaitGroup
	defer reloads.Wait()
	defer cancel()
	failed := b.sockets.serve(b.server, b.control, b.config.Sockets)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	defer b.session.start()()
	go b.prove(ctx)
	_ = platform.Notify("READY=1")
	b.log.Info("keybroker serves", "socket", b.config.Paths.AgentSocket, "prompt", b.person.queue.Name())
	for _, err := range []error{b.approvals.nobodyToAsk(), b.sealed.Vault().CheckPassphraseFile()} {
		if err != nil {
			what, remedy := platform.Explain(err)
			b.log.Warn(what, "remedy", remedy)
		}
	}
	for {
		select {
		case <-hangups:
			if b.terminal != nil { // it was closed, and with it the way to ask
				return b.shutdown()
			}
			reloads.Go(func() { b.reload.hangUp(ctx) }) // which may ask the person
		case err := <-failed:
			return err
		case <-ctx.Done():
			return b.shutdown()
		}
	}
}

// howStarted is for the log: by what the broker decides and asks.
func (b *Broker) howStarted() string {
	return fmt.Sprintf("version %s, configuration %s, %s, prompt %s", b.version, b.config.Paths.ConfigFile, keys.Counted(b.server.Rules().Len(), "rule"), b.person.queue.Name())
}

// shutdown ends in one order: no new connections, requests that were read are
// answered, nothing more is written.
func (b *Broker) shutdown() error {
	_ = platform.Notify("STOPPING=1")
	b.endWithin(endTime)
	b.sockets.close()
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	b.server.Shutdown(ctx)           // a paired terminal still answers what was asked
	defer b.approvals.running.Wait() // their connections end
	return b.control.Close()
}

// endWithin ends the process by force when it has not ended after that time. It
// is the bound of every wait that follows.
func (b *Broker) endWithin(limit time.Duration) {
	b.ending.Do(func() {
		time.AfterFunc(limit, func() {
			b.log.Error("a part of the broker did not end in time; the process ends without it", "after", limit)
			os.Exit(1)
		})
	})
}

// Close lets everything go that New took. It ends the process if a part does not end.
func (b *Broker) Close() {
	b.endWithin(endTime)
	b.close()
}

func (b *Broker) close() {
	b.sockets.close()
	if err := b.cards.close(); err != nil {
		b.log.Error("the cards could not be let go", "error", err)
	}
	b.upstreams.close()
	if b.tokens != nil {
		b.tokens.Close()
	}
	if b.records != nil {
		if err := b.records.close(); err != nil {
			b.log.Error("the audit log could not be closed", "error", err)
		}
	}
	if b.terminal != nil {
		_ = b.terminal.Close()
	}
}
