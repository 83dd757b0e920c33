package main

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
	"github.com/spf13/cobra"
)

// drainTime is how long requests that were read may take to end after SIGTERM.
// A service manager kills after 90 seconds; a person at shutdown waits for less.
const drainTime = 5 * time.Second

// endTime bounds the whole end, whatever hangs: a card's driver, another agent, a
// program at the control socket. What is left then goes with the process.
const endTime = 15 * time.Second

func newDaemonCommand(a *app) *cobra.Command {
	var welcome bool
	cmd := &cobra.Command{
		Use:   "daemon",
		Short: "Run the broker in the foreground",
		Long: `Run the broker in the foreground until SIGTERM or Ctrl-C. SIGHUP makes it read
its rules again, as "keybroker policy reload" does; those that allow more are
asked about first. A service manager starts it; sockets that systemd passes
(named "agent" and "control") are used.

Started in a terminal without a desktop, it asks its questions in that terminal,
and ends when that is closed. In the background, it asks in a terminal that
"keybroker approve" names to it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			d, err := newDaemon(a)
			if err != nil {
				return err
			}
			defer d.close()
			defer d.endWithin(endTime)
			if welcome {
				if err := d.welcome(cmd.Context()); err != nil {
					return err
				}
			}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&welcome, "welcome", false, "offer to make the first key, and say the next step")
	return cmd
}

// daemon holds the parts of a running broker. newDaemon makes them in the
// order in which they depend on each other; close goes the other way.
type daemon struct {
	app       *app
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

func newDaemon(a *app) (_ *daemon, err error) {
	hardening, err := platform.Harden()
	if err != nil {
		return nil, err
	}
	d := &daemon{app: a, started: time.Now(), hardening: hardening}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	d.log = slog.New(agent.QuietLog(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{ReplaceAttr: platform.PlainAttr})))
	d.terminal = ownTerminal()
	if err = a.mayStart(); err != nil {
		return nil, err
	}
	if d.listeners, err = listen(&a.config); err != nil {
		return nil, err
	}
	d.history = audit.NewHistory()
	if d.audit, err = audit.Open(audit.Config{Dir: a.config.AuditDir(), Durability: audit.Durability(a.config.Audit.Durability), Log: d.log, Observe: d.history.Add}); err != nil {
		return nil, err
	}
	d.heads = newHeadTeller(d.audit, a.config.AuditDir(), d.log)
	go d.history.Load(a.config.AuditDir()) // a long log takes a while; until then the prompt says nothing of it
	d.learn()
	if d.paired, err = paired.New(ways.Config{Prompt: a.config.Confirm.Prompt, Window: a.config.Confirm.Window, Pinentry: a.config.Confirm.Pinentry, Terminal: d.terminal}); err != nil {
		return nil, usageError{err}
	}
	d.queue = confirm.NewQueue(d.paired, confirm.QueueConfig{Timeout: a.config.Confirm.Timeout, Log: d.log,
		Background: confirm.Background(a.config.Confirm.Background), Changed: d.feed.Changed})
	d.store = softkeys.NewStore(a.softkeysConfig(d.askPassphrase))
	d.memory = softkeys.NewMemory(softkeys.Clock{})
	if d.cards, err = d.newCards(); err != nil {
		return nil, err
	}
	d.tokens = pkcs11.New(pkcs11.Config{Allowed: a.config.PKCS11.Providers, Log: d.log})
	d.fido = fido.New(fido.Config{Allowed: a.config.PKCS11.Providers, Websafe: a.config.FIDO.Websafe, Log: d.log, AskPIN: d.askKeyPIN, Notify: d.notifyTouch})
	d.upstreams = d.newUpstreams()
	d.server = agent.NewServer(agent.Config{
		Ring:   d.ring(),
		Grants: new(policy.Grants), Audit: d.audit, Prompt: d.queue, Log: d.log, Hosts: agent.StandardKnownHosts(), SSHConfig: agent.StandardSSHConfig(),
		PeerOf: platform.PeerOf, Allowed: platform.SameUser, Written: d.written, Logins: d.logins, History: d.before,
		ForwardedChanges: a.config.Agent.ForwardedChanges, RemoteProviders: a.config.PKCS11.Remote,
		UnlockGivesPIN: a.config.PIV.UnlockGivesPIN,
	}, a.config.PolicyRules())
	d.session = newSessionWatch(a.config.Session, d.server, d.log, d.feed.Changed)
	d.control = control.NewServer(control.Config{Broker: d, Feed: &d.feed, Log: d.log, PeerOf: platform.PeerOf, Allowed: platform.SameUser})
	return d, nil
}

// learn reads from the log which keys worked where. A long one takes a while.
func (d *daemon) learn() {
	d.logins = audit.NewLogins()
	ctx, cancel := context.WithCancel(context.Background())
	d.reading = cancel
	go d.logins.Load(ctx, d.app.config.AuditDir())
}

// written passes on each record of the log.
func (d *daemon) written(record audit.Record) {
	d.logins.Add(record)
	d.heads.record(record)
	d.feed.Record(record)
}

// ring puts cards before sealed files: of a key that is in both, the copy that
// nobody can read signs.
func (d *daemon) ring() *keys.Ring {
	sources := []keys.Source{d.memory, d.store, d.tokens, d.fido}
	if d.cards != nil {
		sources = slices.Insert(sources, 1, keys.Source(d.cards))
	}
	sources = d.withUpstreams(sources...)
	d.certs = d.app.certificates(keys.NewRing(sources...))
	return keys.NewRing(append(sources, d.certs)...)
}

// ownTerminal is the terminal that the daemon was started in, if it was.
func ownTerminal() *os.File {
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
			return nil, usageError{fmt.Errorf("socket %q: %w", s.Name, err)}
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

// askPassphrase asks for the passphrase of the vault in the way that the
// person is asked everything else.
func (d *daemon) askPassphrase(ctx context.Context, title, text, lastError string, use *keys.Use) ([]byte, error) {
	return d.queue.Secret(ctx, confirm.SecretQuestion{Title: title, Text: text, Prompt: "Passphrase:", Error: lastError, Use: use})
}

// prove lets the keychain prove what is listed, where it asks nobody. A
// passphrase in a file costs the work of a guess, and has time until it is needed.
func (d *daemon) prove(ctx context.Context) {
	if d.store.Vault().Seal() == softkeys.SealKeychain {
		d.store.Prove(ctx)
	}
}

// run serves until ctx ends.
func (d *daemon) run(ctx context.Context) error {
	defer d.heads.start()() // ends last: the last head is that of all that was written
	d.server.Started(d.howStarted())
	for _, f := range d.app.config.Fixed {
		if f.NotTaken != "" {
			d.log.Warn("a setting of the configuration is not taken: the machine's owner has fixed it", "setting", f.Setting, "value", f.NotTaken, "fixed", f.Owner, "by", f.By)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var reloads sync.WaitGroup
	defer reloads.Wait()
	defer cancel()
	failed := make(chan error, len(d.listeners))
	d.serveSockets(failed)
	go func() { failed <- d.server.Serve(d.listeners["agent"]) }()
	go func() { failed <- d.control.Serve(d.listeners["control"]) }()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	defer d.session.start()()
	go d.prove(ctx)
	_ = platform.Notify("READY=1")
	d.log.Info("keybroker serves", "socket", d.app.config.Paths.AgentSocket, "prompt", d.queue.Name())
	for _, err := range []error{d.nobodyToAsk(), d.store.Vault().CheckPassphraseFile()} {
		if err != nil {
			what, remedy := parted(err)
			d.log.Warn(what, "remedy", remedy)
		}
	}
	for {
		select {
		case <-hangups:
			if d.terminal != nil { // it was closed, and with it the way to ask
				return d.shutdown()
			}
			reloads.Go(func() { d.hangUp(ctx) }) // which may ask the person
		case err := <-failed:
			return err
		case <-ctx.Done():
			return d.shutdown()
		}
	}
}

// howStarted is for the log: by what the broker decides and asks.
func (d *daemon) howStarted() string {
	return fmt.Sprintf("version %s, configuration %s, %s, prompt %s", version, d.app.config.Paths.ConfigFile, keys.Counted(d.server.Rules().Len(), "rule"), d.queue.Name())
}

// shutdown ends in one order: no new connections, requests that were read are
// answered, nothing more is written.
func (d *daemon) shutdown() error {
	_ = platform.Notify("STOPPING=1")
	d.endWithin(endTime)
	closeAll(d.listeners)
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	d.server.Shutdown(ctx)   // a paired terminal still answers what was asked
	defer d.approving.Wait() // their connections end
	return d.control.Close()
}

// endWithin ends the process by force when it has not ended after that time. It
// is the bound of every wait that follows.
func (d *daemon) endWithin(limit time.Duration) {
	d.ending.Do(func() {
		time.AfterFunc(limit, func() {
			d.log.Error("a part of the broker did not end in time; the process ends without it", "after", limit)
			os.Exit(exitFailed)
		})
	})
}

func (d *daemon) close() {
	closeAll(d.listeners)
	if d.reading != nil {
		d.reading()
	}
	if d.cards != nil {
		if err := d.cards.Close(); err != nil {
			d.log.Error("the cards could not be let go", "error", err)
		}
	}
	d.upstreams.close()
	if d.tokens != nil {
		d.tokens.Close()
	}
	if d.audit != nil {
		if err := d.audit.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			d.log.Error("the audit log could not be closed", "error", err)
		}
	}
	if d.terminal != nil {
		_ = d.terminal.Close()
	}
}
