//go:build unix

package upstream

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for an event.
const patience = time.Minute

// other is an agent with one key, on a real socket, that can hang and notes
// what it is told. The script tests have real ones.
type other struct {
	t       *testing.T
	path    string
	keyring sshagent.Agent
	private ed25519.PrivateKey
	public  ssh.PublicKey

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
	hangs    bool
	told     [][]string                 // the messages of each connection
	answered func(request wire.Request) // optional: called before an answer is sent
	running  sync.WaitGroup
}

func newOther(t *testing.T) *other {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &other{t: t, path: filepath.Join(t.TempDir(), "other.sock"), keyring: sshagent.NewKeyring(), private: private}
	if o.public, err = ssh.NewPublicKey(public); err != nil {
		t.Fatal(err)
	}
	if err := o.keyring.Add(sshagent.AddedKey{PrivateKey: private, Comment: "there"}); err != nil {
		t.Fatal(err)
	}
	o.start()
	t.Cleanup(o.stop)
	return o
}

func (o *other) start() {
	o.t.Helper()
	listener, err := net.Listen("unix", o.path)
	if err != nil {
		o.t.Fatal(err)
	}
	o.mu.Lock()
	o.listener = listener
	o.mu.Unlock()
	o.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			o.conns = append(o.conns, conn)
			n := len(o.told)
			o.told = append(o.told, nil)
			o.mu.Unlock()
			o.running.Go(func() { o.serve(conn, n) })
		}
	})
}

func (o *other) stop() {
	o.mu.Lock()
	o.listener.Close()
	for _, conn := range o.conns {
		conn.Close()
	}
	o.conns = nil
	o.mu.Unlock()
	o.running.Wait()
}

func (o *other) hang(hangs bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hangs = hangs
}

func (o *other) serve(conn net.Conn, n int) {
	near, far := net.Pipe()
	defer near.Close()
	o.running.Go(func() { _ = sshagent.ServeAgent(o.keyring, far); far.Close() })
	for {
		message, err := wire.ReadFrame(conn)
		if err != nil {
			return
		}
		request, err := wire.ParseRequest(message)
		if err != nil {
			o.t.Error(err)
			return
		}
		text := string(message[:1])
		if extension, ok := request.(wire.Extension); ok {
			text = string(extension.Contents)
		}
		o.mu.Lock()
		o.told[n] = append(o.told[n], text)
		hangs, answered := o.hangs, o.answered
		o.mu.Unlock()
		if hangs {
			continue
		}
		if err := wire.WriteFrame(near, message); err != nil {
			return
		}
		answer, err := wire.ReadFrame(near)
		if answered != nil {
			answered(request)
		}
		if err != nil || wire.WriteFrame(conn, answer) != nil {
			return
		}
	}
}

func (o *other) source(t *testing.T, change func(*Config)) *Source {
	t.Helper()
	config := Config{Name: "other", Path: o.path, PeerOf: elsewhere}
	change(&config)
	s := New(config)
	t.Cleanup(s.Close)
	<-s.First()
	return s
}

func same(*Config) {}

// elsewhere lets the tests' own process pass for another one.
func elsewhere(conn net.Conn) (platform.Peer, error) {
	peer, err := platform.PeerOf(conn)
	peer.PID = 0
	return peer, err
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (o *other) use() *keys.Use { return &keys.Use{Key: keys.NewInfo(o.public, "")} }

func TestListFindSign(t *testing.T) {
	o := newOther(t)
	s := o.source(t, same)
	list := s.List()
	if len(list) != 1 || list[0].Comment != "there" || list[0].Source != "upstream other" || list[0].State != "" {
		t.Fatalf("%+v", list)
	}
	signature, err := s.Sign(context.Background(), o.use(), []byte("data"), ssh.KeyAlgoED25519)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.public.Verify([]byte("data"), signature); err != nil {
		t.Error(err)
	}
	stranger := &keys.Use{Key: keys.Info{Blob: []byte("x")}}
	if _, err := s.Sign(context.Background(), stranger, nil, ""); !errors.Is(err, keys.ErrNotFound) {
		t.Error(err)
	}
	if _, _, err := s.SignAsking(context.Background(), o.use(), "", nil, ""); !errors.Is(err, keys.ErrNotAsked) {
		t.Error(err)
	}
}

// The sessions of one client come word for word, in their order, before its
// request, and on no connection that serves another one.
func TestBindingsGoFirst(t *testing.T) {
	o := newOther(t)
	s := o.source(t, same)
	for _, bindings := range [][]string{{"first", "second"}, nil} {
		use := o.use()
		for _, b := range bindings {
			use.Bindings = append(use.Bindings, []byte(b))
		}
		if _, err := s.Sign(context.Background(), use, []byte("data"), ssh.KeyAlgoED25519); err != nil {
			t.Fatal(err)
		}
		o.mu.Lock()
		told := o.told[len(o.told)-1]
		o.mu.Unlock()
		if want := append(slices.Clone(bindings), string(rune(wire.NumSignRequest))); !slices.Equal(told, want) {
			t.Errorf("%q, not %q", told, want)
		}
	}
}

func TestAwayAndBack(t *testing.T) {
	o := newOther(t)
	s := o.source(t, same)
	o.stop()
	until(t, "away", func() bool { return s.Err() != nil })
	if list := s.List(); len(list) != 0 {
		t.Errorf("listed while away: %+v", list)
	}
	info, found := s.Find(o.public.Marshal())
	if all, _ := s.All(); !found || info.State == "" || len(all) != 1 || all[0].State == "" {
		t.Errorf("%+v, %+v", info, all)
	}
	if _, _, err := s.SignAsking(context.Background(), o.use(), "", nil, ""); err == nil || errors.Is(err, keys.ErrNotAsked) {
		t.Errorf("a person would be asked: %v", err)
	}
	o.start()
	until(t, "back", func() bool { return len(s.List()) == 1 })
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}

// Whether the other agent answers does not matter to the list, and a request
// for a signature ends with its client.
func TestOneThatHangs(t *testing.T) {
	o := newOther(t)
	s := o.source(t, same)
	o.hang(true)
	if list := s.List(); len(list) != 1 {
		t.Errorf("%+v", list)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := s.Sign(ctx, o.use(), []byte("data"), ssh.KeyAlgoED25519)
		done <- err
	}()
	until(t, "asked", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return slices.ContainsFunc(o.told, func(told []string) bool { return slices.Contains(told, string(rune(wire.NumSignRequest))) })
	})
	cancel()
	if err := <-done; err == nil {
		t.Error("it signed")
	}
	until(t, "away", func() bool { return s.Err() != nil && strings.Contains(s.Err().Error(), "does not answer") })
	o.hang(false)
	until(t, "back", func() bool { return len(s.List()) == 1 && s.Err() == nil })
}

func TestOurOwnSocketIsNoOtherAgent(t *testing.T) {
	o := newOther(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(o.path, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{o.path, link} {
		if s := o.source(t, func(c *Config) { c.Path = path }); len(s.List()) != 1 {
			t.Errorf("when it is not ours: %v", s.Err())
		}
		s := o.source(t, func(c *Config) { c.Path, c.Own = path, []string{"/nowhere", o.path} })
		if err := s.Err(); !errors.Is(err, errLoop) {
			t.Errorf("%s: %v", path, err)
		}
		if len(s.List()) != 0 {
			t.Error("it lists")
		}
	}
}

// By whatever name it is reached, the process at the other end must not be this
// one, nor another user's.
func TestWhoServesTheSocket(t *testing.T) {
	o := newOther(t)
	if s := o.source(t, func(c *Config) { c.PeerOf = nil }); !errors.Is(s.Err(), errLoop) {
		t.Errorf("this process: %v", s.Err())
	}
	s := o.source(t, func(c *Config) {
		c.PeerOf = func(net.Conn) (platform.Peer, error) { return platform.Peer{User: "12345"}, nil }
	})
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "it belongs to user 12345") {
		t.Errorf("another user: %v", err)
	}
}

func TestRemoveHidesAndGivenIsTakenBack(t *testing.T) {
	o := newOther(t)
	s := o.source(t, same)
	if err := s.Remove(o.public.Marshal()); err != nil || len(s.List()) != 0 {
		t.Errorf("%v, %+v", err, s.List())
	}
	if held, _ := o.keyring.List(); len(held) != 1 {
		t.Error("the other agent has lost its key")
	}
	s.Show()
	if len(s.List()) != 1 {
		t.Error("not shown again")
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	added, err := Adding{s}.Add(keys.Added{PrivateKey: &private, Comment: "given", Limits: keys.Limits{Lifetime: time.Hour}})
	if err != nil || added.Comment != "given" {
		t.Fatalf("%v, %+v", err, added)
	}
	until(t, "both keys are listed", func() bool { return len(s.List()) == 2 })
	s.RemoveAll()
	if held, _ := o.keyring.List(); len(held) != 1 || held[0].Comment != "there" {
		t.Errorf("%+v", held)
	}
}

// A list that was on its way when a key was added or removed does not undo that.
func TestAnOldListUndoesNothing(t *testing.T) {
	o := newOther(t)
	s := o.source(t, same)
	onItsWay, arrives := make(chan bool), make(chan bool)
	o.mu.Lock()
	o.answered = func(request wire.Request) {
		if _, list := request.(wire.RequestIdentities); list {
			onItsWay <- true
			<-arrives
		}
	}
	o.mu.Unlock()
	comments := func() (list []string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, info := range s.keys {
			list = append(list, info.Comment)
		}
		return list
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.wake()
	<-onItsWay
	added, err := Adding{s}.Add(keys.Added{PrivateKey: &private, Comment: "given"})
	if err != nil {
		t.Fatal(err)
	}
	arrives <- true
	<-onItsWay // the next one, which was asked for when that had been stored
	if got := comments(); !slices.Equal(got, []string{"there", "given"}) {
		t.Errorf("after an addition: %q", got)
	}
	if err := s.Remove(added.Blob); err != nil {
		t.Fatal(err)
	}
	arrives <- true
	<-onItsWay
	if got := comments(); !slices.Equal(got, []string{"there"}) {
		t.Errorf("after a removal: %q", got)
	}
	o.mu.Lock()
	o.answered = nil
	o.mu.Unlock()
	arrives <- true
}

// forgetful is an agent that takes a lifetime, and does not keep to it.
type forgetful struct{ sshagent.Agent }

func (f forgetful) Add(key sshagent.AddedKey) error {
	key.LifetimeSecs = 0
	return f.Agent.Add(key)
}

// A key that was handed over with a lifetime is gone here when it is over, whatever the
// other agent makes of it. Its twin without a lifetime stays, and one that was forgotten
// there and is added there again is that agent's own.
func TestLifetimeOfAGivenKeyIsKept(t *testing.T) {
	o := newOther(t)
	o.stop()
	o.keyring = forgetful{o.keyring}
	o.start()
	s := o.source(t, same)
	give := func(comment string, limits keys.Limits) (keys.Info, ed25519.PrivateKey) {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		info, err := Adding{s}.Add(keys.Added{PrivateKey: &private, Comment: comment, Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		return info, private
	}
	short, private := give("short", keys.Limits{Lifetime: time.Second})
	ever, _ := give("ever", keys.Limits{})
	if short.Expires.IsZero() || !ever.Expires.IsZero() {
		t.Errorf("expire %s and %s", short.Expires, ever.Expires)
	}
	until(t, "the lifetime is over", func() bool { _, found := s.Find(short.Blob); return !found })
	if held, _ := o.keyring.List(); len(held) != 3 {
		t.Fatalf("the other agent holds %+v", held)
	}
	listed := func() (comments []string) {
		for _, info := range s.List() {
			comments = append(comments, info.Comment)
		}
		return comments
	}
	if got := listed(); !slices.Equal(got, []string{"there", "ever"}) {
		t.Errorf("listed: %q", got)
	}
	if all, _ := s.All(); len(all) != 2 {
		t.Errorf("all: %+v", all)
	}
	if _, err := s.Sign(t.Context(), &keys.Use{Key: short}, []byte("data"), ssh.KeyAlgoED25519); !errors.Is(err, keys.ErrNotFound) {
		t.Errorf("it signs: %v", err)
	}
	if _, err := s.Sign(t.Context(), &keys.Use{Key: ever}, []byte("data"), ssh.KeyAlgoED25519); err != nil {
		t.Error(err)
	}
	if err := o.keyring.Lock([]byte("x")); err != nil {
		t.Fatal(err)
	}
	until(t, "the other agent is locked", func() bool { return len(listed()) == 0 })
	if err := o.keyring.Unlock([]byte("x")); err != nil {
		t.Fatal(err)
	}
	until(t, "it is unlocked", func() bool { return len(listed()) > 0 })
	if got := listed(); !slices.Equal(got, []string{"there", "ever"}) {
		t.Errorf("after a lock of the other agent: %q", got)
	}
	if err := o.keyring.Remove(short.PublicKey); err != nil {
		t.Fatal(err)
	}
	until(t, "its limits are forgotten", func() bool { s.List(); s.mu.Lock(); defer s.mu.Unlock(); return len(s.given) == 1 })
	if err := o.keyring.Add(sshagent.AddedKey{PrivateKey: private, Comment: "short"}); err != nil {
		t.Fatal(err)
	}
	until(t, "it is the other agent's own", func() bool { return slices.Contains(listed(), "short") })
}

// A constraint is never lost on the way: with it the key is not handed on, and
// without it it is.
func TestConstraintsAreKeptOrRefused(t *testing.T) {
	o := newOther(t)
	s := o.source(t, same)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := keys.Added{PrivateKey: &private, Limits: keys.Limits{Destinations: make([]keys.DestinationConstraint, 1)}}
	if _, err := (Adding{s}).Add(key); err == nil || !strings.Contains(err.Error(), "destination constraints") {
		t.Error(err)
	}
	if held, _ := o.keyring.List(); len(held) != 1 {
		t.Error("it was handed on")
	}
	key.Destinations, key.Confirm = nil, true
	if _, err := (Adding{s}).Add(key); err == nil || !strings.Contains(err.Error(), "does not accept the key") {
		t.Error(err) // this agent knows no confirmation
	}
	if held, _ := o.keyring.List(); len(held) != 1 || len(s.List()) != 1 {
		t.Error("it was handed on without its constraint")
	}
	key.Confirm = false
	if _, err := (Adding{s}).Add(key); err != nil {
		t.Error(err)
	}
}

func TestMissingSaysWhy(t *testing.T) {
	s := New(Config{Name: "none", Missing: "$X is not set"})
	defer s.Close()
	<-s.First()
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "upstream none: $X is not set") {
		t.Error(err)
	}
}
