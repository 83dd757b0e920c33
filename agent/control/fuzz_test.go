package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// FuzzRequest sends the server any bytes. It answers in HTTP, with JSON where the answer is its
// own, no handler panics, and it goes on serving.
func FuzzRequest(f *testing.F) {
	for _, call := range []string{"GET /v1/status", "GET /v1/keys", "GET /v1/why", "GET /v1/events", "GET /v1/grants", "GET /v1/waiting", "GET /v1/claims", "GET /v1/cards",
		"DELETE /v1/grants", "DELETE /v1/grants/a%2Fb", "POST /v1/waiting/1/show", "POST /v1/pause", "POST /v1/resume", "POST /v1/reload", "POST /v1/lock/ask", "CONNECT /v1/lock", "POST /v1/../v1//lock"} {
		f.Add([]byte(call + " HTTP/1.1\r\nHost: k\r\n\r\n"))
	}
	for call, body := range map[string]string{
		"POST /v1/lock": `{"passphrase":"c2VjcmV0"}`, "POST /v1/unlock": `{"Passphrase":"eA==","passphrase":null}`, "POST /v1/keys/load": `["a","b"] trailing`,
		"POST /v1/lifecycle/steps": `{"plan":"r-17","step":"1","kind":"append","state":"done"}`, "POST /v1/claims": `{"fingerprint":"SHA256:x","expires":"2026-01-02T03:04:05Z"}`,
		"POST /v1/hosts": `["h"]`, "POST /v1/lists": `{"key":"AA==","file":"f"}`, "POST /v1/keys/renames": `{"from":"a","to":"b"}`, "POST /v1/terminal": `null`,
	} {
		f.Add([]byte(call + " HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n3e\r\n" + body))
		f.Add([]byte(call + " HTTP/1.0\r\nContent-Length: 0099\r\n\r\n" + body))
		f.Add(withLength(call, body))
	}
	logged := new(logBuffer)
	path, _ := serving(f, new(broker), func(c *Config) {
		c.Broker, c.Log = willing{c.Broker}, slog.New(slog.NewTextHandler(logged, nil))
	})
	f.Fuzz(func(t *testing.T, request []byte) {
		conn, err := platform.Dial(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(readTimeout))
		_, _ = conn.Write(request)
		half, ok := conn.(interface{ CloseWrite() error })
		if !ok {
			t.Skip("no connection is half-closed here")
		}
		_ = half.CloseWrite()
		checkReply(t, conn)
		if text := logged.take(); strings.Contains(text, "panic") {
			t.Fatalf("%q: %s", request, text)
		}
	})
}

func withLength(call, body string) []byte {
	request, _ := http.NewRequest(strings.Fields(call)[0], "http://k"+strings.Fields(call)[1], strings.NewReader(body))
	var b bytes.Buffer
	_ = request.Write(&b)
	return b.Bytes()
}

func checkReply(t *testing.T, conn net.Conn) {
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil { // the server hung up: net/http does for some requests
		return
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if response.Header.Get("Content-Type") != "application/json" {
		return // net/http's own text
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(new(any)); err != nil {
		t.Fatalf("%s: %q is no JSON: %v", response.Status, body, err)
	}
}

// willing takes what is said to it, any number of times.
type willing struct{ Broker }

func (willing) AnnounceHosts(platform.Peer, []string) (func(), error)   { return func() {}, nil }
func (willing) ListFirst(platform.Peer, []byte, string) (func(), error) { return func() {}, nil }

// logBuffer keeps what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}
