//go:build unix

package conformance

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent"
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/softkeys"
	"github.com/keybroker/keybroker/sources/fido"
	"github.com/keybroker/keybroker/sources/pkcs11"
)

// broken is an agent with one fault: a relay in front of keybroker's agent, in this
// process, which keeps every rule.
type broken struct {
	t     *testing.T
	fault fault
	dir   string
	yes   atomic.Bool // what the person says

	mu     sync.Mutex // guards the fields that follow
	stop   func()
	inside string         // the socket of the agent
	front  string         // the socket of the relay
	starts int            // how often it was made new
	seen   map[string]int // for faults that remember
	kept   []string       // likewise
}

func newBroken(t *testing.T, f fault) *broken {
	dir, err := os.MkdirTemp("", "ac-") // a socket's path is short
	if err != nil {
		t.Error(err) // Fatal is for the test's own goroutine
	}
	b := &broken{t: t, fault: f, dir: dir}
	b.launch()
	t.Cleanup(func() {
		b.stop()
		os.RemoveAll(dir)
	})
	return b
}

// Ask answers a question of the agent.
func (b *broken) Ask(context.Context, confirm.Question) (confirm.Answer, error) {
	if b.yes.Load() {
		return confirm.Answer{Verdict: confirm.AllowOnce}, nil
	}
	return confirm.Answer{Verdict: confirm.Deny}, nil
}

func (*broken) Name() string { return "test" }
func (*broken) Secret(context.Context, confirm.SecretQuestion) ([]byte, error) {
	return nil, io.EOF
}
func (*broken) Notify(context.Context, confirm.Notice) error { return nil }

// launch starts agent and relay.
func (b *broken) launch() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.starts++
	b.seen, b.kept = map[string]int{}, nil
	name := filepath.Join(b.dir, string(rune('a'+b.starts)))
	b.inside, b.front = name+"i", name+"f"
	quiet := slog.New(slog.DiscardHandler)
	tokens := pkcs11.New(pkcs11.Config{Allowed: "/usr/lib*/*", Log: quiet})
	devices := fido.New(fido.Config{Allowed: "/usr/lib*/*", Websafe: "ssh:*", Log: quiet, Person: confirm.Person{Prompter: b}})
	server := agent.NewServer(agent.Config{
		Ring: keys.NewRing(softkeys.NewMemory(softkeys.Clock{}), tokens, devices), Grants: new(policy.Grants), Audit: audit.Discard(), Prompt: b, Log: quiet,
		PeerOf: platform.PeerOf, CallerOf: platform.CallerOf, Allowed: platform.SameUser, ForwardedChanges: true, ExpiredCertificates: true,
	}, policy.New(nil, nil, policy.Options{AsSSHAgent: true}))
	inside, front := b.listen(b.inside), b.listen(b.front)
	go server.Serve(inside)
	go b.relay(front)
	b.stop = func() {
		inside.Close()
		front.Close()
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		server.Shutdown(ended)
		tokens.Close()
	}
}

func (b *broken) listen(path string) net.Listener {
	listener, err := net.Listen("unix", path)
	if err != nil {
		b.t.Error(err)
		panic(err)
	}
	return listener
}

func (b *broken) Dial(ctx context.Context) (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, "unix", b.front)
}

func (*broken) Disposable() bool { return true }

func (b *broken) Fresh(context.Context) error {
	b.stop()
	b.launch()
	return nil
}

func (b *broken) Confirm(yes bool) bool { b.yes.Store(yes); return true }

func (b *broken) relay(front net.Listener) {
	for {
		client, err := front.Accept()
		if err != nil {
			return
		}
		if b.fault.single {
			b.serve(client)
		} else {
			go b.serve(client)
		}
	}
}

func (b *broken) serve(client net.Conn) {
	defer client.Close()
	b.mu.Lock()
	path := b.inside
	b.mu.Unlock()
	server, err := net.Dial("unix", path)
	if err != nil {
		return
	}
	defer server.Close()
	b.fault.serveOn(&relayed{broken: b, client: client.(*net.UnixConn), server: server.(*net.UnixConn), seen: map[string]int{}})
}

// relayed is one connection through the relay.
type relayed struct {
	*broken
	client, server *net.UnixConn
	seen           map[string]int
}

// ask sends a request to the agent.
func (r *relayed) ask(request []byte) []byte {
	if _, err := r.server.Write(frame(request)); err != nil {
		return nil
	}
	return readFrame(r.server)
}

// inAll counts in all connections how often something was seen before.
func (r *relayed) inAll(what string) int {
	r.broken.mu.Lock()
	defer r.broken.mu.Unlock()
	r.broken.seen[what]++
	return r.broken.seen[what] - 1
}

// readFrame returns nil at the end, and for a length that no test needs.
func readFrame(from io.Reader) []byte {
	var header [4]byte
	if _, err := io.ReadFull(from, header[:]); err != nil {
		return nil
	}
	length := binary.BigEndian.Uint32(header[:])
	if length == 0 || length > maxReply {
		return nil
	}
	message := make([]byte, length)
	if _, err := io.ReadFull(from, message); err != nil {
		return nil
	}
	return message
}

// copyBoth passes everything on as it is.
func (r *relayed) copyBoth() {
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(r.server, r.client)
		_ = r.server.CloseWrite()
		close(done)
	}()
	_, _ = io.Copy(r.client, r.server)
	r.client.Close()
	<-done
}

// testPatience is enough for the lifetimes of the rules.
const testPatience = 5 * time.Second
