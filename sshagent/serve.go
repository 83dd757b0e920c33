//go:build unix

package sshagent

import (
	"context"
	"io"
	"log/slog"
	"log/syslog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/keybroker/keybroker/agent"
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/sources/fido"
	"github.com/keybroker/keybroker/sources/pkcs11"
)

const (
	// exitSignal is ssh-agent's exit code after a signal.
	exitSignal = 2
	// parentInterval is how often the agent of a command checks that the command
	// still runs, as in ssh-agent.
	parentInterval = 10 * time.Second
	// askForever is how long a confirmation may take: ssh-agent sets no limit. A
	// question is withdrawn at once if its program disconnects.
	askForever = 24 * time.Hour
)

// serve runs the agent until a signal arrives or parent ends (0: no parent).
func (o options) serve(listener *net.UnixListener, socket agentSocket, parent int) (int, error) {
	defer socket.remove()
	if _, err := platform.Harden(); err != nil {
		return 0, err
	}
	machine, err := config.ReadMachine(platform.MachinePolicy())
	if err != nil {
		return 0, err
	}
	log := o.log()
	prompter := confirm.NewQueue(hashed{askpassOf(os.Getenv), o.hash}, confirm.QueueConfig{Timeout: askForever, Log: log})
	tokens := pkcs11.New(pkcs11.Config{Allowed: o.providers, Log: log})
	defer tokens.Close()
	ring := keys.NewRing(softkeys.NewMemory(softkeys.Clock{}), tokens,
		fido.New(fido.Config{Allowed: o.providers, Websafe: o.websafe, Log: log, Person: confirm.Person{Prompter: prompter}}))
	server := agent.NewServer(agent.Config{
		Ring: ring, Grants: new(policy.Grants), Audit: audit.Discard(), Prompt: prompter, Log: log, Hosts: agent.StandardKnownHosts(), SSHConfig: agent.StandardSSHConfig(),
		PeerOf: new(platform.Peers).PeerOf, CallerOf: platform.CallerOf, Allowed: platform.SameUser,
		ForwardedChanges: true, RemoteProviders: o.remote, DefaultLifetime: o.lifetime, ExpiredCertificates: true,
	}, policy.New(machine.Rules, nil, policy.Options{AsSSHAgent: true, Limits: machine.Limits}))

	signals := o.signals()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if o.ready != nil {
		_, _ = o.ready.Write([]byte("ready"))
		o.ready.Close()
	}
	ended, err := wait(signals, failed, parent, ring, log)
	_ = listener.Close()
	aborted, cancel := context.WithCancel(context.Background())
	cancel()
	server.Shutdown(aborted)                           // ssh-agent ends at once, and so do its prompts
	if ended == syscall.SIGTERM && socket.Path == "" { // the usual end under a service manager
		return 0, err
	}
	return exitSignal, err
}

// signals are those that the agent acts on. In the background it ignores Ctrl-C.
func (o options) signals() chan os.Signal {
	signals := make(chan os.Signal, 8)
	signal.Ignore(syscall.SIGPIPE)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1)
	if o.background {
		signal.Ignore(syscall.SIGINT)
	} else {
		signal.Notify(signals, syscall.SIGINT)
	}
	return signals
}

// wait returns when the agent must end, with the signal that caused it.
func wait(signals <-chan os.Signal, failed <-chan error, parent int, ring *keys.Ring, log *slog.Logger) (os.Signal, error) {
	var look <-chan time.Time
	if parent != 0 {
		ticker := time.NewTicker(parentInterval)
		defer ticker.Stop()
		look = ticker.C
	}
	for {
		select {
		case s := <-signals:
			if s != syscall.SIGUSR1 {
				log.Info("exiting on a signal", "signal", s.String())
				return s, nil
			}
			log.Info("all keys are removed on a signal", "signal", s.String())
			ring.RemoveAll()
		case err := <-failed:
			return nil, err
		case <-look:
			if os.Getppid() != parent {
				return nil, nil
			}
		}
	}
}

// log writes where ssh-agent does: to the terminal with -d and -D, otherwise to the
// system's log if there is one.
func (o options) log() *slog.Logger {
	level := slog.LevelInfo
	var to io.Writer = os.Stderr
	switch {
	case o.debug:
		level = slog.LevelDebug
	case o.background:
		system, err := syslog.New(syslog.LOG_AUTH|syslog.LOG_INFO, Name)
		if err != nil {
			return slog.New(slog.DiscardHandler)
		}
		to = system
	}
	handler := slog.Handler(slog.NewTextHandler(to, &slog.HandlerOptions{Level: level, ReplaceAttr: platform.PlainAttr}))
	if !o.debug {
		handler = agent.QuietLog(handler)
	}
	return slog.New(handler)
}
