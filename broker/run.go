package broker

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/softkeys"
)

// drainTime is how long requests that were read may take to end after SIGTERM.
// A service manager kills after 90 seconds; a person shutting down waits less long.
const drainTime = 5 * time.Second

// endTime bounds the whole shutdown, whatever hangs: a card's driver, another agent, a
// program at the control socket. What is left then ends with the process.
const endTime = 15 * time.Second

// startTime is how long after READY what only a start needs is over, with the first tries
// of what is not there.
const startTime = 2 * time.Second

// prove lets the keychain prove the listed keys, if it needs no question. A passphrase
// in a file is slow to try by design, so it waits until it is needed.
func (b *Broker) prove(ctx context.Context) {
	if b.sealed.Vault().Seal() == softkeys.SealKeychain {
		b.sealed.Prove(ctx)
	}
}

// Run serves until ctx ends.
func (b *Broker) Run(ctx context.Context) error {
	defer b.records.heads.start()() // ends last, so that the last head covers every record
	b.server.Started(b.howStarted())
	defer b.server.Ended()
	for _, f := range b.config.Fixed {
		if f.NotTaken != "" {
			b.log.Warn("a setting of the configuration is ignored: the machine's owner has fixed it", "setting", f.Setting, "value", f.NotTaken, "fixed", f.Owner, "by", f.By)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var reloads sync.WaitGroup
	defer reloads.Wait()
	defer cancel()
	failed := b.sockets.serve(b.server, b.control, b.config.Sockets)
	b.others.serve(b.server.Serve, failed)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	defer b.session.start()()
	go b.prove(ctx)
	var checks sync.WaitGroup
	defer checks.Wait()
	defer cancel()
	checks.Go(func() { b.claims.Check(ctx, b.server.ClaimsDiffered) })
	checks.Go(func() { b.keyWatch.run(ctx) })
	defer time.AfterFunc(startTime, platform.GiveBack).Stop()
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
			if b.terminal != nil { // it was closed, so nobody can be asked
				return b.shutdown()
			}
			reloads.Go(func() { b.reload.hangUp(ctx) }) // may ask the person
		case err := <-failed:
			return err
		case <-ctx.Done():
			return b.shutdown()
		}
	}
}

// howStarted records in the log by which rules and prompt the broker decides.
func (b *Broker) howStarted() string {
	return fmt.Sprintf("version %s, configuration %s, %s, prompt %s", b.version, b.config.Paths.ConfigFile, keys.Counted(b.server.Rules().Len(), "rule"), b.person.queue.Name())
}

// shutdown first stops new connections, then answers the requests that were read, and
// then stops writing.
func (b *Broker) shutdown() error {
	_ = platform.Notify("STOPPING=1")
	b.endWithin(endTime)
	b.sockets.close()
	b.others.close()
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	b.server.Shutdown(ctx)           // a paired terminal still answers what was asked
	defer b.approvals.running.Wait() // their connections end
	return b.control.Close()
}

// endWithin kills the process if it has not ended after that time. It bounds every
// wait that follows.
func (b *Broker) endWithin(limit time.Duration) {
	b.ending.Do(func() {
		time.AfterFunc(limit, func() {
			b.log.Error("a part of the broker did not end in time; the process ends without it", "after", limit)
			os.Exit(1)
		})
	})
}

// Close releases everything that New took. It ends the process if a part hangs.
func (b *Broker) Close() {
	b.endWithin(endTime)
	b.close()
}

func (b *Broker) close() {
	b.sockets.close()
	b.others.close()
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
