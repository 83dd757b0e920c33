package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// broker records its calls.
type broker struct {
	dir     string
	locked  string
	loaded  []string
	revoked []string
	shown   []string
	changed chan struct{}
	watched chan bool
	by      int // the pid that unlocked
	step    Step
	err     error

	announced []string
	first     string
	withdrawn chan struct{}
	feed      Feed
}

func (b *broker) Status() Status                       { return Status{Version: "test", PID: 7} }
func (b *broker) Keys() []Key                          { return []Key{{Name: "work"}} }
func (b *broker) Load(names []string) error            { b.loaded = names; return b.err }
func (b *broker) Lock(_ platform.Peer, p []byte) error { b.locked = string(p); return b.err }
func (b *broker) Unlock(_ context.Context, peer platform.Peer, _ []byte) error {
	b.by = peer.PID
	return b.err
}
func (b *broker) Refusals() []audit.Record { return []audit.Record{{ID: "R", Reason: "because"}} }
func (b *broker) Grants() []policy.Grant   { return []policy.Grant{{ID: "G"}} }
func (b *broker) Revoke(p platform.Peer, id string) bool {
	b.by, b.revoked = p.PID, append(b.revoked, id)
	return id != "missing"
}
func (b *broker) Reload(_ context.Context, p platform.Peer) (Reloaded, error) {
	b.by = p.PID
	return Reloaded{Rules: 2, AtStart: []string{"confirm.timeout"}}, b.err
}
func (b *broker) AuditDir() string                   { return b.dir }
func (b *broker) Cards() Cards                       { return Cards{Service: "running", Cards: []Card{{ID: "guid:1"}}} }
func (b *broker) RefreshCards(context.Context) error { return b.err }
func (b *broker) ForgetCard(id string) bool          { return id == "guid:1" }
func (b *broker) LockAsking(ctx context.Context, p platform.Peer) error {
	return b.Lock(p, []byte("asked for"))
}
func (b *broker) UnlockAsking(ctx context.Context, p platform.Peer) error {
	return b.Unlock(ctx, p, nil)
}
func (b *broker) Pause(p platform.Peer) error                { b.by = p.PID; return b.err }
func (b *broker) RecordRename(platform.Peer, Renaming) error { return nil }
func (b *broker) RecordStep(p platform.Peer, s Step) (Recorded, error) {
	b.by, b.step = p.PID, s
	return Recorded{7, "hash"}, b.err
}
func (b *broker) Resume(platform.Peer) error { b.by = 0; return b.err }
func (b *broker) Waiting() []Waiting         { return []Waiting{{ID: "1", Held: len(b.shown) == 0}} }
func (b *broker) Show(id string) bool        { b.shown = append(b.shown, id); return id != "missing" }
func (b *broker) Watch() (<-chan struct{}, func()) {
	if b.watched == nil {
		return b.changed, func() {}
	}
	b.watched <- true
	return b.changed, func() { b.watched <- false }
}
func (b *broker) Approve(ctx context.Context, p platform.Peer, answers func()) error {
	if b.err != nil {
		return b.err
	}
	b.by = p.PID
	answers()
	if b.watched != nil {
		defer func() { b.watched <- false }()
		<-ctx.Done()
	}
	return errors.New("ended\nstart it again")
}

func (b *broker) ListFirst(p platform.Peer, blob []byte, file string) (func(), error) {
	b.by, b.first = p.PID, string(blob)+" "+file
	return func() { close(b.withdrawn) }, b.err
}

func (b *broker) AnnounceHosts(p platform.Peer, names []string) (func(), error) {
	b.by, b.announced = p.PID, names
	return func() { close(b.withdrawn) }, b.err
}
func (b *broker) Claims() []Claim { return []Claim{{Fingerprint: "F"}} }
func (b *broker) Annotate(_ context.Context, p platform.Peer, a Annotation) (Claim, error) {
	b.by = p.PID
	return Claim{Fingerprint: a.Fingerprint, Claim: a.Apply(keys.Claim{})}, b.err
}
func (b *broker) Notices() []string { return []string{"Touch it"} }

func serve(t *testing.T, b *broker, allowed func(platform.Peer) bool) (*Client, string) {
	t.Helper()
	return serveWith(t, b, func(c *Config) { c.Allowed = allowed })
}

func serveWith(t *testing.T, b *broker, change func(*Config)) (*Client, string) {
	t.Helper()
	path, _ := serving(t, b, change)
	return NewClient(path), path
}

// serving also returns the function that closes the server.
func serving(t testing.TB, b *broker, change func(*Config)) (string, func() error) {
	t.Helper()
	b.dir = tempDir(t)
	path := socketPath(t)
	listener, err := platform.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	config := Config{Broker: b, Feed: &b.feed, Log: slog.New(slog.DiscardHandler), PeerOf: platform.PeerOf, Allowed: platform.SameUser}
	change(&config)
	server := NewServer(config)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return path, server.Close
}

func TestClientAndServer(t *testing.T) {
	b := new(broker)
	c, _ := serve(t, b, platform.SameUser)
	ctx := t.Context()
	if s, err := c.Status(ctx); err != nil || s.PID != 7 {
		t.Errorf("status: %+v, %v", s, err)
	}
	if k, err := c.Keys(ctx); err != nil || k[0].Name != "work" {
		t.Errorf("keys: %+v, %v", k, err)
	}
	if r, err := c.Refusals(ctx); err != nil || r[0].Reason != "because" {
		t.Errorf("why: %+v, %v", r, err)
	}
	if g, err := c.Grants(ctx); err != nil || g[0].ID != "G" {
		t.Errorf("grants: %+v, %v", g, err)
	}
	if err := c.Load(ctx, []string{"a", "b"}); err != nil || !reflect.DeepEqual(b.loaded, []string{"a", "b"}) {
		t.Errorf("load: %v, %v", b.loaded, err)
	}
	step := Step{Plan: "r-17", Step: "1", Kind: "append", State: "done"}
	if seq, hash, err := c.RecordStep(ctx, step); err != nil || seq != 7 || hash != "hash" || b.step != step {
		t.Errorf("step: %d %s, %v, %+v", seq, hash, err, b.step)
	}
	if err := c.Lock(ctx, []byte("secret")); err != nil || b.locked != "secret" {
		t.Errorf("lock: %q, %v", b.locked, err)
	}
	if err := errors.Join(c.Unlock(ctx, []byte("x")), reload(c), c.Revoke(ctx, ""), c.Revoke(ctx, "a/b")); err != nil {
		t.Error(err)
	}
	if b.by != os.Getpid() {
		t.Errorf("process %d unlocked, says the server; it was %d", b.by, os.Getpid())
	}
	if err := c.Revoke(ctx, "missing"); err == nil || !strings.Contains(err.Error(), "no such grant") {
		t.Errorf("revoke: %v", err)
	}
	if !reflect.DeepEqual(b.revoked, []string{"", "a/b", "missing"}) {
		t.Errorf("revoked: %q", b.revoked)
	}
	b.err = errors.New("wrong passphrase")
	if err := c.Unlock(ctx, []byte("x")); err == nil || err.Error() != "wrong passphrase" {
		t.Errorf("the reason is lost: %v", err)
	}
}

func TestWaitingIsShownAndFollowed(t *testing.T) {
	b := &broker{changed: make(chan struct{}), watched: make(chan bool, 2)}
	c, _ := serve(t, b, platform.SameUser)
	if w, err := c.Waiting(t.Context()); err != nil || len(w) != 1 || !w[0].Held {
		t.Errorf("waiting: %+v, %v", w, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	lists, ended := make(chan []Waiting), make(chan error, 1)
	go func() {
		for event, err := range c.Events(ctx) {
			if err != nil {
				ended <- err
				return
			}
			lists <- event.Waiting
		}
	}()
	if w := <-lists; !w[0].Held || !<-b.watched {
		t.Errorf("followed: %+v", w)
	}
	if err := errors.Join(c.Show(t.Context(), "1"), c.Show(t.Context(), "")); err != nil || !reflect.DeepEqual(b.shown, []string{"1", ""}) {
		t.Errorf("show: %q, %v", b.shown, err)
	}
	if err := c.Show(t.Context(), "missing"); err == nil || !strings.Contains(err.Error(), "no such request is held") {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err == nil || <-b.watched {
		t.Errorf("ended: %v", err)
	}
}

func TestAnotherUserIsTurnedAway(t *testing.T) {
	b := new(broker)
	c, _ := serve(t, b, func(platform.Peer) bool { return false })
	if err := c.Lock(t.Context(), []byte("x")); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Error(err)
	}
	if b.locked != "" {
		t.Error("the call was made")
	}
}

func TestNobodyThereIsNotRunning(t *testing.T) {
	c := NewClient(socketPath(t))
	if _, err := c.Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
}

// The control socket has these calls and no others. One that could approve a
// request must not be added unnoticed.
func TestNothingHereApproves(t *testing.T) {
	_, path := serve(t, new(broker), platform.SameUser)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return platform.Dial(ctx, path)
	}}}
	for _, call := range []string{"POST /v1/approve", "POST /v1/terminal/answer", "PUT /v1/terminal", "GET /v1/terminal",
		"POST /v1/waiting/1", "POST /v1/waiting/1/answer", "POST /v1/grants", "PUT /v1/grants/x", "POST /v1/keys", "POST /v1/status", "GET /v1/lock", "GET /"} {
		method, at, _ := strings.Cut(call, " ")
		request, _ := http.NewRequest(method, "http://keybroker"+at, bytes.NewReader(nil))
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode < 400 {
			t.Errorf("%s: %s", call, response.Status)
		}
	}
}

func TestEvents(t *testing.T) {
	b := new(broker)
	c, _ := serve(t, b, platform.SameUser)
	log, err := audit.Open(audit.Config{Dir: b.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	write := func(id string, op keys.Op) {
		record, err := log.Append(audit.Record{ID: id, Op: op, Decision: audit.Refused, Time: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		b.feed.Record(record)
	}
	write("old", keys.OpSign)
	next, stop := iter.Pull2(c.Events(t.Context()))
	defer stop()
	event, err, _ := next()
	if err != nil || event.Status.PID != 7 || event.Grants[0].ID != "G" || event.Waiting[0].ID != "1" || event.Notices[0] != "Touch it" {
		t.Fatalf("%+v, %v", event, err)
	}
	if len(event.Records) != 1 || event.Records[0].ID != "old" {
		t.Fatalf("%+v", event.Records)
	}
	b.feed.Changed() // of nothing that shows: no event
	write("list", keys.OpList)
	write("new", keys.OpSign)
	if event, err, _ = next(); err != nil || len(event.Records) != 1 || event.Records[0].ID != "new" {
		t.Fatalf("%+v, %v", event.Records, err)
	}
}

func TestFollowersAreBounded(t *testing.T) {
	c, _ := serveWith(t, new(broker), eachAnother)
	for range MaxFollowers {
		next, stop := iter.Pull2(c.Events(t.Context()))
		defer stop()
		if _, err, _ := next(); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range c.Events(t.Context()) {
		if err == nil || !strings.Contains(err.Error(), "follow the broker already") {
			t.Fatal(err)
		}
		break
	}
}

func TestPauseAndAskedLock(t *testing.T) {
	b := new(broker)
	c, _ := serve(t, b, platform.SameUser)
	if err := c.Pause(t.Context()); err != nil || b.by != os.Getpid() {
		t.Errorf("%d, %v", b.by, err)
	}
	if err := c.Resume(t.Context()); err != nil || b.by != 0 {
		t.Errorf("%d, %v", b.by, err)
	}
	if err := errors.Join(c.LockAsking(t.Context()), c.UnlockAsking(t.Context())); err != nil || b.locked != "asked for" {
		t.Errorf("%q, %v", b.locked, err)
	}
}

func reload(c *Client) error {
	reloaded, err := c.Reload(context.Background())
	if err == nil && (reloaded.Rules != 2 || len(reloaded.AtStart) != 1) {
		err = fmt.Errorf("%+v", reloaded)
	}
	return err
}
