package conformance

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"syscall"
	"time"
)

const (
	// maxExchanges is how many of the last exchanges a result keeps.
	maxExchanges = 6
	// maxShown is how many bytes of a message a result shows.
	maxShown = 160
	// secretStart is how many bytes of a secret are looked for in a message: of one
	// that was cut, the rest may be missing.
	secretStart = 8
)

// T is a rule that is being tried. Its methods may be called by the goroutine of the
// rule only.
type T struct {
	ctx      context.Context
	agent    Agent
	patience time.Duration // for an answer
	result   *Result
	pending  []Exchange // sent, and not yet answered
	secrets  [][]byte
	conns    []*Conn
	added    [][]byte // key blobs to be removed
	lockedBy string   // the passphrase to unlock the agent with; "": it is not locked
	spoiled  bool     // an agent that can be made new should be
	files    []string // to be deleted
}

// verdict ends a rule.
type verdict struct {
	status Status
	detail string
}

// Failf ends the rule: the agent breaks it.
func (t *T) Failf(format string, args ...any) { panic(verdict{Fail, fmt.Sprintf(format, args...)}) }

// Skipf ends the rule: it cannot be tried here.
func (t *T) Skipf(format string, args ...any) { panic(verdict{Skip, fmt.Sprintf(format, args...)}) }

// Connect opens a connection, which is closed at the end of the rule.
func (t *T) Connect() *Conn {
	c, err := t.tryConnect()
	if err != nil {
		t.Failf("no connection: %v", err)
	}
	return c
}

// tryConnect waits while the agent has not accepted those that came before: a socket
// that does not block says EAGAIN then.
func (t *T) tryConnect() (*Conn, error) {
	for end := time.Now().Add(t.patience); ; t.sleep(20 * time.Millisecond) {
		c, err := t.connectOnce()
		if err == nil || !errors.Is(err, syscall.EAGAIN) || time.Now().After(end) {
			return c, err
		}
	}
}

func (t *T) connectOnce() (*Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, t.patience)
	defer cancel()
	conn, err := t.agent.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &Conn{t, conn}
	t.conns = append(t.conns, c)
	return c, nil
}

// Ask sends one message on a connection of its own.
func (t *T) Ask(message []byte) []byte {
	c := t.Connect()
	defer c.Close()
	return c.Ask(message)
}

// Alive ends the rule if the agent serves nobody any more.
func (t *T) Alive() {
	c := t.Connect()
	defer c.Close()
	c.GoesOn()
}

// sleep waits, unless the run ends.
func (t *T) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.ctx.Done():
		t.Skipf("interrupted")
	}
}

// hide keeps a secret out of results.
func (t *T) hide(secret []byte) {
	if len(secret) >= secretStart {
		t.secrets = append(t.secrets, secret)
	}
}

func (t *T) sent(raw []byte) { t.pending = append(t.pending, Exchange{Sent: t.show(raw)}) }

func (t *T) received(raw []byte, err error) {
	shown := t.show(raw)
	if err != nil {
		shown = err.Error()
	}
	exchange := Exchange{Received: shown}
	if len(t.pending) > 0 {
		exchange.Sent, t.pending = t.pending[0].Sent, t.pending[1:]
	}
	t.keep(exchange)
}

func (t *T) keep(exchange Exchange) {
	list := append(t.result.Exchanges, exchange)
	t.result.Exchanges = list[max(len(list)-maxExchanges, 0):]
}

// unanswered keeps what was sent last and got no answer.
func (t *T) unanswered() {
	for _, exchange := range t.pending[max(len(t.pending)-1, 0):] {
		exchange.Received = "not read"
		t.keep(exchange)
	}
	t.pending = nil
}

// show writes bytes as hex, without the secrets in them.
func (t *T) show(raw []byte) string {
	var out string
	for len(raw) > 0 && len(out) < 2*maxShown {
		at, length := t.nextSecret(raw)
		shown := raw[:min(at, maxShown)]
		out += hex.EncodeToString(shown)
		if len(shown) < at {
			return out + fmt.Sprintf("…[%d more]", len(raw)-len(shown))
		}
		if length > 0 {
			out += fmt.Sprintf("[%d secret]", length)
		}
		raw = raw[at+length:]
	}
	if len(raw) > 0 {
		out += fmt.Sprintf("…[%d more]", len(raw))
	}
	return out
}

// nextSecret returns where the first secret begins, and how much of it is there.
func (t *T) nextSecret(raw []byte) (at, length int) {
	at = len(raw)
	for _, secret := range t.secrets {
		if i := bytes.Index(raw, secret[:secretStart]); i >= 0 && i < at {
			at, length = i, common(raw[i:], secret)
		}
	}
	return at, length
}

func common(a, b []byte) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
