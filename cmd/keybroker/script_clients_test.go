//go:build linux

package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// sshsigData is what "ssh-keygen -Y sign -n file" has signed of a message that
// nobody has signed before (PROTOCOL.sshsig).
func sshsigData() []byte {
	sum := sha512.Sum512([]byte(rand.Text()))
	return append([]byte("SSHSIG"), ssh.Marshal(struct{ Namespace, Reserved, Hash, Sum string }{"file", "", "sha512", string(sum[:])})...)
}

func dialAgent(ts *testscript.TestScript) (net.Conn, sshagent.ExtendedAgent) {
	conn, err := net.Dial("unix", ts.Getenv("SSH_AUTH_SOCK"))
	ts.Check(err)
	return conn, sshagent.NewClient(conn)
}

func anyKey(ts *testscript.TestScript) ssh.PublicKey {
	conn, agent := dialAgent(ts)
	defer conn.Close()
	list, err := agent.List()
	ts.Check(err)
	if len(list) == 0 {
		ts.Fatalf("the agent has no key")
	}
	key, err := ssh.ParsePublicKey(list[0].Blob)
	ts.Check(err)
	return key
}

// stormers is how many connections sign at once.
const stormers = 32

// cmdStorm is "storm N [kill]": many connections sign as fast as they can until
// N signatures are delivered, or with kill, until the daemon is killed after N.
// Then the digest of each delivered signature must be in the audit log.
func cmdStorm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: storm N [kill]")
	}
	n, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	s := &storm{key: anyKey(ts), enough: n, digests: make(map[string]bool), reached: make(chan struct{})}
	kill := len(args) == 2
	var all sync.WaitGroup
	for range stormers {
		conn, agent := dialAgent(ts)
		all.Go(func() { defer conn.Close(); s.sign(agent, kill) })
	}
	if kill {
		select {
		case <-s.reached:
		case <-after(patience):
		}
		cmdDaemon(ts, false, []string{"kill"})
	}
	all.Wait()
	if s.delivered.Load() < n {
		ts.Fatalf("%d signatures were delivered: %v", s.delivered.Load(), s.failed)
	}
	s.check(ts)
}

type storm struct {
	key       ssh.PublicKey
	enough    int64
	delivered atomic.Int64
	reached   chan struct{} // closed when there are enough

	mu      sync.Mutex // guards what follows
	digests map[string]bool
	failed  error
}

// sign goes on to the daemon's end when endless.
func (s *storm) sign(agent sshagent.Agent, endless bool) {
	for endless || s.delivered.Load() < s.enough {
		data := sshsigData()
		signature, err := agent.Sign(s.key, data)
		if err == nil {
			err = s.key.Verify(data, signature)
		}
		sum := sha256.Sum256(data)
		s.mu.Lock()
		if err != nil {
			s.failed = err
			s.mu.Unlock()
			return
		}
		s.digests[hex.EncodeToString(sum[:])] = true
		s.mu.Unlock()
		if s.delivered.Add(1) == s.enough {
			close(s.reached)
		}
	}
}

func (s *storm) check(ts *testscript.TestScript) {
	recorded := 0
	for record, err := range audit.Read(ts.Getenv("XDG_STATE_HOME")+"/keybroker/audit", audit.Filter{Decision: audit.Allowed}) {
		ts.Check(err)
		if s.digests[record.Digest] {
			recorded++
		}
	}
	if recorded != len(s.digests) {
		ts.Fatalf("%d signatures were delivered and %d of them recorded", len(s.digests), recorded)
	}
	fmt.Fprintf(ts.Stdout(), "delivered=%d recorded=%d\n", len(s.digests), recorded)
}

// cmdFlood is "flood N": one program asks for N signatures, one after the
// other, and prints how many it got.
func cmdFlood(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flood N")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	key := anyKey(ts)
	conn, agent := dialAgent(ts)
	defer conn.Close()
	allowed := 0
	for range n {
		if _, err := agent.Sign(key, sshsigData()); err == nil {
			allowed++
		}
	}
	fmt.Fprintf(ts.Stdout(), "allowed=%d refused=%d\n", allowed, n-allowed)
}

// frame is a message with the length that it says it has.
func frame(length uint32, payload string) string {
	return string(binary.BigEndian.AppendUint32(nil, length)) + payload
}

// malformed are streams that no client sends, and whether their connection may
// go on: only a stream that cannot be split into messages any more is closed.
var malformed = []struct {
	name, stream string
	goesOn       bool
}{
	{"a length of 0", frame(0, ""), false},
	{"a length of 4 GiB", frame(1<<32-1, "x"), false},
	{"a length over the limit", frame(256<<10+1, "x"), false},
	{"half a length", "\x00\x00", false},
	{"half a message", frame(100, "\x0d\x00"), false},
	{"text", "GET / HTTP/1.1\r\nHost: keybroker\r\n\r\n", false},
	{"a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", false},
	{"an unknown number", frame(1, "\xf0"), true},
	{"number 0", frame(1, "\x00"), true},
	{"an answer", frame(5, "\x0c\x00\x00\x00\x00"), true},
	{"a sign request that ends early", frame(3, "\x0d\x00\x00"), true},
	{"a sign request with a length beyond its end", frame(9, "\x0d\xff\xff\xff\xff\x00\x00\x00\x00"), true},
	{"a sign request with more after its end", frame(15, "\x0d"+frame(1, "k")+frame(0, "")+frame(0, "")+"!"), true},
	{"an added key of no type", frame(5, "\x11\x00\x00\x00\x00"), true},
	{"an extension without a name", frame(1, "\x1b"), true},
	{"a session-bind of nothing", frame(29, "\x1b"+frame(24, "session-bind@openssh.com")), true},
}

// cmdGarbage sends each malformed stream, on a connection of its own, and makes
// sure that it gets no more than a failure.
func cmdGarbage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: garbage")
	}
	for _, m := range malformed {
		if err := misbehave(ts, m.stream, m.goesOn); err != nil {
			ts.Fatalf("%s: %v", m.name, err)
		}
	}
}

func misbehave(ts *testscript.TestScript, stream string, goesOn bool) error {
	conn, err := net.Dial("unix", ts.Getenv("SSH_AUTH_SOCK"))
	ts.Check(err)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, stream); err != nil {
		return err
	}
	if !goesOn {
		_ = conn.(*net.UnixConn).CloseWrite() // the daemon may have hung up already
		answer, err := io.ReadAll(conn)
		if len(answer) > 0 || err != nil && !isReset(err) {
			return fmt.Errorf("answered with %x, %v", answer, err)
		}
		return nil
	}
	answer := make([]byte, 5)
	if _, err := io.ReadFull(conn, answer); err != nil || !slices.Contains([]string{frame(1, "\x05"), frame(1, "\x1c")}, string(answer)) {
		return fmt.Errorf("answered with %x, %v", answer, err)
	}
	_, err = sshagent.NewClient(conn).List() // the connection is still good
	return err
}
