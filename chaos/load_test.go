//go:build linux

package chaos

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/keybroker/keybroker/platform"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

const (
	// requestTime bounds each request: the broker refuses what takes longer than its own limits.
	requestTime = 30 * time.Second
	// pause between the requests of one client, so that this test leaves room for others.
	pause   = 5 * time.Millisecond
	passing = "passing" // the comment of the key that comes and goes
)

// load is what the clients do while faults happen.
type load struct {
	ledger *ledger
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// startLoad starts a client for each key, one that adds and removes keys, and one that lists.
func startLoad(w *world) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{ledger: &ledger{delivered: map[string]string{}, refused: map[string]int{}}, cancel: cancel}
	for name := range w.keys {
		l.loop(ctx, func() {
			digest, err := w.sign(name)
			l.ledger.note(name, digest, err)
		})
	}
	l.loop(ctx, func() { w.addAndRemove() })
	l.loop(ctx, func() { _, _ = w.list() })
	w.t.Cleanup(l.stop)
	return l
}

func (l *load) loop(ctx context.Context, do func()) {
	l.ended.Go(func() {
		for ctx.Err() == nil {
			do()
			time.Sleep(pause)
		}
	})
}

func (l *load) stop() {
	l.cancel()
	l.ended.Wait()
}

// with runs do on a new connection.
func (w *world) with(do func(agent.ExtendedAgent) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	conn, err := platform.Dial(ctx, w.agentSocket())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(requestTime)); err != nil {
		return err
	}
	return do(agent.NewClient(conn))
}

// signedData is what ssh-keygen -Y sign has signed (PROTOCOL.sshsig), with a message
// that no other request has.
func signedData() []byte {
	message := make([]byte, sha256.Size)
	_, _ = crand.Read(message)
	return append([]byte("SSHSIG"), ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Message                   []byte
	}{"file", "", "sha256", message})...)
}

// sign asks for a signature with a key and checks it. It returns the digest of what was
// signed, in hex, as the audit log has it.
func (w *world) sign(name string) (digest string, err error) {
	return w.signWith(name, w.keys[name])
}

func (w *world) signWith(name string, key ssh.PublicKey) (digest string, err error) {
	data := signedData()
	err = w.with(func(a agent.ExtendedAgent) error {
		signature, err := a.Sign(key, data)
		if err != nil {
			return err
		}
		if err := key.Verify(data, signature); err != nil {
			w.t.Errorf("during%s a wrong signature came from the key %s: %v", w.happening, name, err)
		}
		return nil
	})
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}

func (w *world) add() error {
	return w.with(func(a agent.ExtendedAgent) error {
		return a.Add(agent.AddedKey{PrivateKey: w.addedKey, Comment: added})
	})
}

func (w *world) list() (keys []*agent.Key, err error) {
	err = w.with(func(a agent.ExtendedAgent) error {
		keys, err = a.List()
		return err
	})
	return keys, err
}

// addAndRemove adds a key with a lifetime and removes it.
func (w *world) addAndRemove() {
	err := w.with(func(a agent.ExtendedAgent) error {
		return a.Add(agent.AddedKey{PrivateKey: w.passingKey, Comment: passing, LifetimeSecs: 60})
	})
	if err != nil {
		return
	}
	public, err := ssh.NewPublicKey(w.passingKey.Public())
	if err == nil {
		err = w.with(func(a agent.ExtendedAgent) error { return a.Remove(public) })
	}
	if err != nil {
		return
	}
	if keys, err := w.list(); err == nil {
		for _, key := range keys {
			if bytes.Equal(key.Blob, public.Marshal()) {
				w.t.Error("a key that was removed is listed")
			}
		}
	}
}

// isRefusal reports whether the agent has answered, with a failure.
func isRefusal(err error) bool {
	var network net.Error
	return err != nil && !errors.As(err, &network) && strings.Contains(err.Error(), "agent: fail")
}

// ledger is what the clients were given.
type ledger struct {
	mu        sync.Mutex
	delivered map[string]string // name of the key by digest
	refused   map[string]int    // by name of the key
	last      error             // of the heartbeat
}

func (l *ledger) note(name, digest string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.delivered[digest] = name
		return
	}
	l.refused[name]++
	if name == sealed {
		l.last = err
	}
}

func (l *ledger) failedHeartbeats() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused[sealed]
}

func (l *ledger) lastFailure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *ledger) summary() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	made := map[string]int{}
	for _, name := range l.delivered {
		made[name]++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d signatures made", len(l.delivered))
	for _, name := range []string{sealed, added, onCard, asked, denied} {
		fmt.Fprintf(&b, "; %s %d, refused or failed %d", name, made[name], l.refused[name])
	}
	return b.String()
}
