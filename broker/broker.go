// Package broker is the daemon: it holds the keys, decides over each request, and
// answers the control socket.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/keybroker/keybroker/agent"
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/paired"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv/cardkeys"
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
	named     bool // the person named the configuration file
	version   string
	log       *slog.Logger
	started   time.Time
	hardening platform.Hardening
	terminal  *os.File // nil: there is none
	audit     *audit.Log
	history   *audit.History
	logins    *audit.Logins
	reading   context.CancelFunc // ends the reading of the log into logins
	paired    *paired.Paired     // reaches the person, and one terminal that they named
	approving sync.WaitGroup     // terminals that answer, or want to
	ending    sync.Once          // the end is bounded
	queue     *confirm.Queue
	store     *softkeys.Store
	memory    *softkeys.Memory
	cards     *cardkeys.Source // nil: switched off
	tokens    *pkcs11.Source
	fido      *fido.Source
	certs     *certificates.Source // of the keys of all other sources
	upstreams upstreams            // other agents
	server    *agent.Server
	control   *control.Server
	session   *sessionWatch
	feed      control.Feed            // tells those who follow of each change
	listeners map[string]net.Listener // "agent", "control", and by name those of [[socket]]
	reload    reloading
	heads     *headTeller // of the audit log
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
	b := &Broker{config: c.Config, named: c.Named, version: c.Version, started: time.Now(), hardening: hardening}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	b.log = slog.New(agent.QuietLog(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: platform.PlainAttr})))
	b.terminal = OwnTerminal()
	if err = mayStart(&b.config); err != nil {
		return nil, err
	}
	if b.listeners, err = listen(&b.config); err != nil {
		return nil, err
	}
	b.history = audit.NewHistory()
	if b.audit, err = audit.Open(audit.Config{Dir: b.config.AuditDir(), Durability: audit.Durability(b.config.Audit.Durability), Log: b.log, Observe: b.history.Add}); err != nil {
		return nil, err
	}
	b.heads = newHeadTeller(b.audit, b.config.AuditDir(), b.log)
	go b.history.Load(b.config.AuditDir()) // a long log takes a while; until then the prompt says nothing of it
	b.learn()
	if b.paired, err = paired.New(ways.Config{Prompt: b.config.Confirm.Prompt, Window: b.config.Confirm.Window, Pinentry: b.config.Confirm.Pinentry, Terminal: b.terminal}); err != nil {
		return nil, config.Invalid(err)
	}
	b.queue = confirm.NewQueue(b.paired, confirm.QueueConfig{Timeout: b.config.Confirm.Timeout, Log: b.log,
		Background: confirm.Background(b.config.Confirm.Background), Changed: b.feed.Changed})
	b.store = SealedStore(&b.config, b.askPassphrase)
	b.memory = softkeys.NewMemory(softkeys.Clock{})
	if b.cards, err = b.newCards(); err != nil {
		return nil, err
	}
	b.tokens = pkcs11.New(pkcs11.Config{Allowed: b.config.PKCS11.Providers, Log: b.log})
	b.fido = fido.New(fido.Config{Allowed: b.config.PKCS11.Providers, Websafe: b.config.FIDO.Websafe, Log: b.log, AskPIN: b.askKeyPIN, Notify: b.notifyTouch})
	b.upstreams = b.newUpstreams()
	b.server = agent.NewServer(agent.Config{
		Ring:   b.ring(),
		Grants: new(policy.Grants), Audit: b.audit, Prompt: b.queue, Log: b.log, Hosts: agent.StandardKnownHosts(), SSHConfig: agent.StandardSSHConfig(),
		PeerOf: platform.PeerOf, Allowed: platform.SameUser, Written: b.written, Logins: b.logins, History: b.before,
		ForwardedChanges: b.config.Agent.ForwardedChanges, RemoteProviders: b.config.PKCS11.Remote,
		UnlockGivesPIN: b.config.PIV.UnlockGivesPIN,
	}, b.config.PolicyRules())
	b.session = newSessionWatch(b.config.Session, b.server, b.log, b.feed.Changed)
	b.control = control.NewServer(control.Config{Broker: b, Feed: &b.feed, Log: b.log, PeerOf: platform.PeerOf, Allowed: platform.SameUser})
	return b, nil
}

// learn reads from the log which keys worked where. A long one takes a while.
func (b *Broker) learn() {
	b.logins = audit.NewLogins()
	ctx, cancel := context.WithCancel(context.Background())
	b.reading = cancel
	go b.logins.Load(ctx, b.config.AuditDir())
}

// written passes on each record of the log.
func (b *Broker) written(record audit.Record) {
	b.logins.Add(record)
	b.heads.record(record)
	b.feed.Record(record)
}

// ring puts cards before sealed files: of a key that is in both, the copy that
// nobody can read signs.
func (b *Broker) ring() *keys.Ring {
	sources := []keys.Source{b.memory, b.store, b.tokens, b.fido}
	if b.cards != nil {
		sources = slices.Insert(sources, 1, keys.Source(b.cards))
	}
	sources = b.withUpstreams(sources...)
	b.certs = Certificates(&b.config, keys.NewRing(sources...))
	return keys.NewRing(append(sources, b.certs)...)
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

// listen takes the sockets that a service manager passes, and makes the others.
func listen(c *config.Config) (map[string]net.Listener, error) {
	paths := map[string]string{"agent": c.Paths.AgentSocket, "control": c.Paths.ControlSocket}
	for _, s := range c.Sockets {
		var err error
		if paths[s.Name], err = c.SocketPath(s); err != nil {
			return nil, config.Invalid(fmt.Errorf("socket %q: %w", s.Name, err))
		}
	}
	listeners, err := platform.Activated()
	if err != nil {
		return nil, err
	}
	if listeners == nil {
		listeners = make(map[string]net.Listener)
	}
	for name, path := range paths {
		if listeners[name] != nil {
			continue
		}
		if listeners[name], err = platform.Listen(path); err != nil {
			closeAll(listeners)
			return nil, cannotListen(path, err)
		}
	}
	return listeners, nil
}

// cannotListen says it of systemd when it is that which listens.
func cannotListen(path string, err error) error {
	if errors.Is(err, platform.ErrInUse) && systemdStarts(path) {
		return fmt.Errorf("systemd listens at %s, and starts the broker itself\nlet it: %s; to run the broker here: %s", path, startUnit, stopUnits)
	}
	return err
}

func closeAll(listeners map[string]net.Listener) {
	for _, l := range listeners {
		if l != nil {
			_ = l.Close()
		}
	}
}

// Sealed are the sealed keys, proved where that asks nobody.
func (b *Broker) Sealed(ctx context.Context) *softkeys.Store {
	b.prove(ctx)
	return b.store
}

// HasTerminal says whether the broker was started in a terminal.
func (b *Broker) HasTerminal() bool { return b.terminal != nil }

// Prompt is the way in which a person is asked.
func (b *Broker) Prompt() string { return b.queue.Name() }

// askPassphrase asks for the passphrase of the vault in the way that the
// person is asked everything else.
func (b *Broker) askPassphrase(ctx context.Context, title, text, lastError string, use *keys.Use) ([]byte, error) {
	return b.queue.Secret(ctx, confirm.SecretQuestion{Title: title, Text: text, Prompt: "Passphrase:", Error: lastError, Use: use})
}

// prove lets the keychain prove what is listed, where it asks nobody. A
// passphrase in a file costs the work of a guess, and has time until it is needed.
func (b *Broker) prove(ctx context.Context) {
	if b.store.Vault().Seal() == softkeys.SealKeychain {
		b.store.Prove(ctx)
	}
}

// Run serves until ctx ends.
func (b *Broker) Run(ctx context.Context) error {
	defer b.heads.start()() // ends last: the last head is that of all that was written
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
	failed := make(chan error, len(b.listeners))
	b.serveSockets(failed)
	go func() { failed <- b.server.Serve(b.listeners["agent"]) }()
	go func() { failed <- b.control.Serve(b.listeners["control"]) }()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	defer b.session.start()()
	go b.prove(ctx)
	_ = platform.Notify("READY=1")
	b.log.Info("keybroker serves", "socket", b.config.Paths.AgentSocket, "prompt", b.queue.Name())
	for _, err := range []error{b.nobodyToAsk(), b.store.Vault().CheckPassphraseFile()} {
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
			reloads.Go(func() { b.hangUp(ctx) }) // which may ask the person
		case err := <-failed:
			return err
		case <-ctx.Done():
			return b.shutdown()
		}
	}
}

// howStarted is for the log: by what the broker decides and asks.
func (b *Broker) howStarted() string {
	return fmt.Sprintf("version %s, configuration %s, %s, prompt %s", b.version, b.config.Paths.ConfigFile, keys.Counted(b.server.Rules().Len(), "rule"), b.queue.Name())
}

// shutdown ends in one order: no new connections, requests that were read are
// answered, nothing more is written.
func (b *Broker) shutdown() error {
	_ = platform.Notify("STOPPING=1")
	b.endWithin(endTime)
	closeAll(b.listeners)
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	b.server.Shutdown(ctx)   // a paired terminal still answers what was asked
	defer b.approving.Wait() // their connections end
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
	closeAll(b.listeners)
	if b.reading != nil {
		b.reading()
	}
	if b.cards != nil {
		if err := b.cards.Close(); err != nil {
			b.log.Error("the cards could not be let go", "error", err)
		}
	}
	b.upstreams.close()
	if b.tokens != nil {
		b.tokens.Close()
	}
	if b.audit != nil {
		if err := b.audit.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			b.log.Error("the audit log could not be closed", "error", err)
		}
	}
	if b.terminal != nil {
		_ = b.terminal.Close()
	}
}
