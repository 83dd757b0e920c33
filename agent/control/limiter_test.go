package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// eachAnother makes each connection look like one from another process.
func eachAnother(c *Config) {
	var last atomic.Int64
	c.PIDOf = func(net.Conn) int { return int(last.Add(1)) }
}

// raw opens a connection and writes any text.
func raw(t *testing.T, path, text string) net.Conn {
	t.Helper()
	conn, err := platform.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if text == "" { // it may have been turned away already
		return conn
	}
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func ask(method, path string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: keybroker\r\nContent-Length: 0\r\n\r\n"
}

// answered waits until the answer begins.
func answered(t *testing.T, conn net.Conn) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%+v, %v", response, err)
	}
}

// Bytes after a request hide the end of its connection from net/http. Lasting requests
// end with the connection anyway.
func TestOneLateByteHidesNothing(t *testing.T) {
	for _, late := range []string{"", "x", "GET /v1/status HTTP/1.1\r\n\r\n"} {
		for _, request := range []string{ask("POST", "/v1/terminal"), ask("GET", "/v1/events")} {
			b := &broker{watched: make(chan bool, 2), changed: make(chan struct{})}
			_, path := serve(t, b, platform.SameUser)
			conn := raw(t, path, request)
			answered(t, conn)
			if _, err := conn.Write([]byte(late)); err != nil {
				t.Fatal(err)
			}
			conn.Close()
			for ended := false; !ended; { // true: it began to watch
				ended = !<-b.watched
			}
		}
	}
}

// One program cannot use up the lasting requests, and all programs together cannot keep
// commands out.
func TestLastingRequestsAreBounded(t *testing.T) {
	var pid atomic.Int64
	c, _ := serveWith(t, new(broker), func(c *Config) {
		c.Broker = patient{c.Broker}
		c.PIDOf = func(net.Conn) int { return int(pid.Load()) }
	})
	follow := func() error {
		body, err := c.do(t.Context(), http.MethodPost, "/v1/terminal", nil)
		if err == nil {
			t.Cleanup(func() { _ = body.Close() })
		}
		return err
	}
	for pid.Store(1); pid.Load() <= MaxLasting; pid.Add(1) {
		for n := range MaxLastingPerProcess + 1 {
			err := follow()
			if err == nil && n == MaxLastingPerProcess {
				t.Fatalf("process %d has %d", pid.Load(), n+1)
			}
			if err != nil {
				if !strings.Contains(err.Error(), "too many programs use") || n == 0 {
					if left := int(pid.Load()) - 1; left < reserved {
						t.Fatalf("only %d processes had a place: %v", left, err)
					}
					if _, err := c.Status(t.Context()); err != nil {
						t.Errorf("a command: %v", err)
					}
					return
				}
				break
			}
		}
	}
	t.Error("there is no bound")
}

// patient lets a terminal answer until its request ends.
type patient struct{ Broker }

func (patient) Approve(ctx context.Context, _ platform.Peer, answers func()) error {
	answers()
	<-ctx.Done()
	return ctx.Err()
}

// Connections without a request keep nobody out, and are bounded.
func TestIdleConnectionsGiveWay(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("wine takes longer for a thousand connections than an idle one may stay")
	}
	const hogs = MaxConnections // each with as many as it can get
	var last atomic.Int64
	c, path := serveWith(t, new(broker), func(c *Config) {
		c.PIDOf = func(net.Conn) int { // they come in the order in which they were made
			n := int(last.Add(1))
			return min(n/MaxPerProcess, hogs) + max(n-hogs*MaxPerProcess, 0)
		}
	})
	var idle []net.Conn
	for n := range hogs * MaxPerProcess {
		idle = append(idle, raw(t, path, ""))
		awaitTaken(&last, n+1)
	}
	for range MaxConnections {
		if _, err := c.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	in := 0
	for _, conn := range idle {
		if _, err := conn.Write([]byte(ask("GET", "/v1/status"))); err != nil {
			continue
		}
		if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil && response.StatusCode == http.StatusOK {
			in++
		}
	}
	if in == 0 || in >= MaxConnections {
		t.Errorf("%d idle connections were kept", in)
	}
}

// Connections with an incomplete request do the same.
func TestSlowBodiesGiveWay(t *testing.T) {
	c, path := serveWith(t, new(broker), eachAnother)
	for range MaxConnections {
		conn := raw(t, path, "POST /v1/unlock HTTP/1.1\r\nHost: keybroker\r\nExpect: 100-continue\r\nContent-Length: 60\r\n\r\n")
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil { // "100 Continue": its header was read
			t.Fatal(err)
		}
	}
	for range MaxConnections {
		if _, err := c.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitTaken waits until the server has taken n connections: a pipe of Windows keeps no
// order among those that wait.
func awaitTaken(taken *atomic.Int64, n int) {
	for taken.Load() < int64(n) {
		time.Sleep(time.Millisecond)
	}
}

// A program with too many connections learns that, not that there is no broker.
func TestTooManyIsNotNotRunning(t *testing.T) {
	var taken atomic.Int64
	c, path := serveWith(t, new(broker), func(c *Config) {
		c.PIDOf = func(conn net.Conn) int {
			taken.Add(1)
			return platform.PIDOf(conn)
		}
	})
	for n := range MaxPerProcess {
		raw(t, path, "")
		awaitTaken(&taken, n+1)
	}
	_, err := c.Status(t.Context())
	if err == nil || errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), fmt.Sprintf("%d for one program", MaxPerProcess)) {
		t.Error(err)
	}
}
