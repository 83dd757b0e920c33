package agent

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// held is what all connections hold beyond their free bytes, and how many
// programs hold something.
func (r *rig) held() (bytes, programs int) {
	b := r.server.budgets
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total, len(b.programs)
}

// Requests that wait while nobody reads the answers: what is over the budget of
// the program is refused, and small requests go on being answered.
func TestWaitingRequestsHaveABudget(t *testing.T) {
	r := newRig(t)
	asked, answer := make(chan struct{}, 100), make(chan struct{})
	r.prompt.answer = func(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
		asked <- struct{}{}
		select {
		case <-answer:
		case <-ctx.Done():
		}
		return say(confirm.AllowOnce)(ctx, q)
	}
	large := r.sign(make([]byte, 250<<10))
	const connections = MaxProcessBytes/MaxConnectionBytes + 8
	var greedy []*client
	for range connections {
		c := r.connect()
		greedy = append(greedy, c)
		c.send(large) // is asked about
		<-asked
	}
	for _, c := range greedy {
		c.send(large) // waits behind it, or is over the budget
	}
	if held, _ := r.held(); held > MaxProcessBytes {
		t.Errorf("%d bytes are held", held)
	}
	if _, ok := r.connect().ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok {
		t.Error("a small request is not answered")
	}
	close(answer)
	refused := 0
	for _, c := range greedy {
		for range 2 {
			if c.receive() == wire.Failure {
				refused++
			}
		}
	}
	if refused == 0 || refused > 2*8 {
		t.Errorf("%d of %d requests were refused", refused, 2*connections)
	}
	if last := r.reasons(keys.OpSign); !strings.Contains(last, overBudget.reason) {
		t.Errorf("the log says %s", last)
	}
	// The same request passes when there is room.
	if reply := r.connect().ask(large); !r.verifies(reply, large.Data) {
		t.Errorf("%#v", reply)
	}
	for _, c := range greedy {
		c.conn.Close()
	}
	r.waitFor(func() bool { held, programs := r.held(); return held == 0 && programs <= 1 })
}

// reasons are those of all refusals of an operation.
func (r *rig) reasons(op keys.Op) string {
	var all []string
	for _, record := range r.records(op) {
		all = append(all, record.Reason)
	}
	return strings.Join(all, "\n")
}

// A client may send 64 requests before it reads, also large ones.
func TestPipelineOfLargeRequests(t *testing.T) {
	r := newRig(t)
	r.prompt.answer = say(confirm.AllowOnce)
	c := r.connect()
	large := r.sign(make([]byte, 200<<10))
	go func() {
		for range maxPending {
			if wire.WriteFrame(c.conn, large.Marshal()) != nil {
				return
			}
		}
	}()
	for range maxPending {
		if reply := c.receive(); !r.verifies(reply, large.Data) {
			t.Fatalf("%#v", reply)
		}
	}
}

// Long lists that nobody reads are made for so many at a time; the others get
// theirs when those have been read.
func TestLongListsHaveABudget(t *testing.T) {
	r := newRig(t)
	for range 1500 {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.server.Ring.Add(keys.Added{PrivateKey: &private, Comment: strings.Repeat("c", 80)}); err != nil {
			t.Fatal(err)
		}
	}
	first := r.connect().ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer)
	size := int(r.server.listSize.Load())
	if len(first.Identities) < 1400 || size < 200<<10 {
		t.Fatalf("%d keys, %d bytes", len(first.Identities), size)
	}
	var readers []*client
	for range 2 * MaxProcessBytes / (2 * size) {
		c := r.connect()
		c.send(wire.RequestIdentities{})
		readers = append(readers, c)
	}
	r.waitFor(func() bool { held, _ := r.held(); return held > MaxProcessBytes-2*size })
	for range 100 { // while the rest would be made, if nothing held them back
		time.Sleep(time.Millisecond)
		if held, _ := r.held(); held > MaxProcessBytes {
			t.Fatalf("%d bytes are held", held)
		}
	}
	var all sync.WaitGroup
	for _, c := range readers { // at once: which of them were first is not known
		all.Go(func() {
			message, err := wire.ReadFrame(c.conn)
			if err != nil || len(message) != size {
				t.Errorf("%d bytes, %v", len(message), err)
			}
		})
	}
	all.Wait()
}

// A client that leaves an answer unread loses its connection; one that reads it
// late, but not too late, does not.
func TestUnreadAnswerEndsItsConnection(t *testing.T) {
	for _, test := range []struct {
		name string
		late bool
	}{{"never read", true}, {"read late", false}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				s := &session{conn: ours}
				written := make(chan error, 1)
				go func() { written <- s.write(wire.IdentitiesAnswer{}) }()
				synctest.Wait()
				if !test.late {
					if _, err := wire.ReadFrame(theirs); err != nil {
						t.Error(err)
					}
				}
				if err := <-written; errors.Is(err, os.ErrDeadlineExceeded) != test.late {
					t.Error(err)
				}
			})
		})
	}
}

// One program, and one separate socket, leave room for the connections of others.
func TestConnectionsHaveABudget(t *testing.T) {
	var pid atomic.Int64
	r := newRigWith(t, func(c *Config) {
		c.CallerOf = func(conn net.Conn) (platform.Peer, error) {
			peer, err := platform.CallerOf(conn)
			peer.PID = int(pid.Load())
			return peer, err
		}
	})
	r.server.budgets.mu.Lock()
	r.server.budgets.most = 24 // of one program 12
	r.server.budgets.mu.Unlock()
	for range 12 {
		if _, ok := r.connect().ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok {
			t.Fatal("no list")
		}
	}
	if _, err := r.connect().conn.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
	if last := r.last(); last.Reason != tooManyConnections.reason {
		t.Errorf("%+v", last)
	}
	pid.Store(1)
	if _, ok := r.connect().ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer); !ok {
		t.Error("another program has no place")
	}
}

func TestSocketsOfTheirOwnHaveABudget(t *testing.T) {
	b := newBudgets()
	b.most = 24 // of one separate socket 2
	open := func(pid int, socket string) bool { return b.open(new(account), program{pid: pid}, socket) }
	if !open(1, "box") || !open(2, "box") || open(3, "box") {
		t.Error("not two connections")
	}
	if !open(3, "other") || !open(4, "") {
		t.Error("a socket took the place of another one")
	}
}

// Two programs that hold as many connections as they get leave room for a third one.
func TestFullPlacesAreReserved(t *testing.T) {
	b := newBudgets()
	b.most = 240 // of one program 120; 40 are reserved
	held := 0
	for pid := range 3 {
		for b.open(new(account), program{pid: pid}, "") {
			held++
		}
	}
	if want := 200 + fewConnections; held != want { // the third one holds few
		t.Errorf("three programs hold %d connections, not %d", held, want)
	}
	for pid := 3; held < b.most; pid++ {
		if !b.open(new(account), program{pid: pid}, "") {
			t.Fatalf("no place for another program while %d are taken", held)
		}
		held++
	}
	if b.open(new(account), program{pid: -1}, "") {
		t.Error("there are more connections than places")
	}
	if _, there := b.programs[program{pid: -1}]; there {
		t.Error("a program that was turned away is remembered")
	}
}

// A program that opens and closes connections faster than the agent looks at them fills
// nothing but the system's queue: another program is served once the agent comes to it.
func TestNewcomersWait(t *testing.T) {
	look := make(chan struct{})
	begin := sync.OnceFunc(func() { close(look) })
	defer begin()
	r := newRigWith(t, func(c *Config) {
		c.CallerOf = func(conn net.Conn) (platform.Peer, error) {
			<-look
			return platform.CallerOf(conn)
		}
	})
	for range maxNewcomers + 100 {
		r.connect().conn.Close()
	}
	for r.server.Status().Connections < maxNewcomers {
		time.Sleep(time.Millisecond)
	}
	patient := r.connect()
	patient.send(wire.RequestIdentities{})
	time.Sleep(50 * time.Millisecond) // in which an agent without a bound takes all that wait
	if n := r.server.Status().Connections; n != maxNewcomers {
		t.Errorf("the agent has taken %d connections that it did not look at", n)
	}
	begin()
	if _, ok := patient.receive().(wire.IdentitiesAnswer); !ok {
		t.Error("no list")
	}
}

// Bound sessions are kept as long as their connection: 16 of 250 KiB each on
// thousands of connections were gigabytes.
func TestBoundSessionsHaveABudget(t *testing.T) {
	r := newRig(t)
	h := newHost(t)
	padded := func(i int) wire.Extension { // it fails, and is kept for an agent behind this one
		bind := h.bind(string(rune('a'+i)), true)
		bind.Contents = append(bind.Contents, make([]byte, 240<<10)...)
		return bind
	}
	good := r.connect()
	if reply := good.ask(h.bind("good", true)); reply != wire.Success {
		t.Fatalf("%#v", reply)
	}
	hungUp := 0
	for range 3 {
		c := r.connect()
		for i := range maxBinds {
			if wire.WriteFrame(c.conn, padded(i).Marshal()) != nil {
				hungUp++
				break
			}
			if _, err := wire.ReadFrame(c.conn); err != nil {
				hungUp++
				break
			}
		}
		if held, _ := r.held(); held > MaxProcessBytes {
			t.Errorf("%d bytes are held", held)
		}
	}
	if hungUp == 0 || !strings.Contains(r.reasons(keys.OpBind), overBudget.reason) {
		t.Errorf("%d connections were ended; the log says %s", hungUp, r.reasons(keys.OpBind))
	}
	if reply := r.connect().ask(h.bind("good", true)); reply != wire.Success {
		t.Errorf("a usual one: %#v", reply)
	}
}

// A program behind a separate socket leaves places for the person's keys.
func TestBorrowersLeavePlacesForKeys(t *testing.T) {
	r := newRig(t)
	s := &session{server: r.server, socket: "box"}
	if err := s.mayAddMore(); err != nil {
		t.Fatal(err)
	}
	for range maxBorrowedKeys {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.server.Ring.Add(keys.Added{PrivateKey: &private}); err != nil {
			t.Fatal(err)
		}
	}
	if s.mayAddMore() == nil || (&session{server: r.server}).mayAddMore() != nil {
		t.Error("not the borrower alone is refused")
	}
}
