package agent

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"path/filepath"
	"slices"
	"testing"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/keystest"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"
)

// through serves a separate socket with this view.
func (r *rig) through(view policy.View) *client {
	r.t.Helper()
	path := filepath.Join(r.dir, "run", view.Name+".sock")
	listener, err := platform.Listen(path)
	if err != nil {
		r.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.server.ServeSocket(view.Name, listener) }()
	r.t.Cleanup(func() {
		listener.Close()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.server.SetRules(r.server.Rules().WithViews(view))
	r.path, path = path, r.path
	defer func() { r.path = path }()
	return r.connect()
}

func (c *client) listed() int {
	c.t.Helper()
	answer, ok := c.ask(wire.RequestIdentities{}).(wire.IdentitiesAnswer)
	if !ok {
		c.t.Fatal("no list")
	}
	return len(answer.Identities)
}

func TestViewOnListAndSign(t *testing.T) {
	r := newRig(t)
	r.prompt.answer = say(confirm.AllowOnce)
	inside, outside := r.through(policy.View{Name: "in", Keys: []string{"work"}}), r.through(policy.View{Name: "out", Keys: []string{"other"}})
	r.server.SetRules(r.server.Rules().WithViews(policy.View{Name: "in", Keys: []string{"work"}}, policy.View{Name: "out", Keys: []string{"other"}}))
	data := gitData("x")
	if inside.listed() != 1 || !r.verifies(inside.ask(r.sign(data)), data) {
		t.Error("inside the view")
	}
	if last := r.last(); last.Socket != "in" {
		t.Errorf("%+v", last)
	}
	if outside.listed() != 0 || outside.ask(r.sign(data)) != wire.Failure {
		t.Error("outside the view")
	}
	if last := r.last(); last.Reason != `the socket "out" does not show this key: `+r.source.Info().Fingerprint || last.Socket != "out" {
		t.Errorf("%+v", last)
	}
	if c := r.connect(); c.listed() != 1 || !r.verifies(c.ask(r.sign(data)), data) || r.last().Socket != "" {
		t.Error("on the agent's own socket")
	}
}

// A connection that is bound to a host outside the view sees nothing.
func TestViewHidesFromOtherHosts(t *testing.T) {
	for _, test := range []struct {
		hosts []string
		want  int
	}{{nil, 1}, {[]string{"box"}, 0}} {
		r := newRig(t)
		c := r.through(policy.View{Name: "ai", Hosts: test.hosts})
		if c.listed() != 1 {
			t.Error("nothing is bound yet")
		}
		if c.ask(newHost(t).bind("session", false)) != wire.Success {
			t.Fatal("not bound")
		}
		if got := c.listed(); got != test.want {
			t.Errorf("hosts %v: %d keys", test.hosts, got)
		}
	}
}

func TestViewReadOnly(t *testing.T) {
	for _, readOnly := range []bool{true, false} {
		r := newRig(t)
		c := r.through(policy.View{Name: "ai", ReadOnly: readOnly})
		want := wire.Success
		if readOnly {
			want = wire.Failure
		}
		for _, request := range []wire.Request{
			wire.RemoveAllIdentities{}, wire.Lock{Passphrase: []byte("x")}, wire.Unlock{Passphrase: []byte("x")},
		} {
			if reply := c.ask(request); reply != want {
				t.Errorf("read-only %v: %T: %v", readOnly, request, reply)
			}
			if r.last().Socket != "ai" {
				t.Errorf("%T: %+v", request, r.last())
			}
			if readOnly && r.last().Reason != `the socket "ai" is read-only` {
				t.Errorf("%T: %+v", request, r.last())
			}
		}
	}
}

// What removes all through a view removes what it shows.
func TestViewRemovesWhatItShows(t *testing.T) {
	shown, hidden := &removable{Source: keystest.New("shown")}, &removable{Source: keystest.New("hidden")}
	r := newRigWith(t, func(c *Config) { c.Ring = keys.NewRing(shown, hidden) })
	c := r.through(policy.View{Name: "ai", Keys: []string{"shown"}})
	if c.ask(wire.RemoveIdentity{KeyBlob: hidden.Info().Blob}) != wire.Failure || hidden.removed {
		t.Error("a key that it does not show was removed")
	}
	if c.ask(wire.RemoveAllIdentities{}) != wire.Success || !shown.removed || hidden.removed {
		t.Errorf("shown: %v, hidden: %v", shown.removed, hidden.removed)
	}
	if r.connect().ask(wire.RemoveAllIdentities{}); !hidden.removed {
		t.Error("the agent's own socket removes all")
	}
}

// Through a view nobody adds what it would not show, and nobody locks or loads
// for those who see more. With a view of all keys they may.
func TestViewChangesNothingOutside(t *testing.T) {
	for _, test := range []struct {
		keys []string
		why  string // of the refusal; "": there is none
	}{{[]string{"work"}, `the socket "ai" `}, {nil, ""}} {
		r := newRig(t)
		c := r.through(policy.View{Name: "ai", Keys: test.keys})
		conn, err := net.Dial("unix", c.conn.RemoteAddr().String()) // the library reads on and on
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		err = sshagent.NewClient(conn).Add(sshagent.AddedKey{PrivateKey: privateKeys(t)["ed25519"]})
		if (err == nil) != (test.why == "") {
			t.Errorf("keys %v: add: %v", test.keys, err)
		}
		if test.why != "" && r.last().Reason != test.why+"does not show this key" {
			t.Errorf("add: %+v", r.last())
		}
		for _, request := range []wire.Request{wire.AddSmartcardKey{ReaderID: "/x.so"}, wire.RemoveSmartcardKey{ReaderID: "/x.so"}, wire.Lock{Passphrase: []byte("x")}} {
			c.ask(request)
			if refused := r.last().Reason == test.why+"shows only some keys, and this would change others"; refused != (test.why != "") {
				t.Errorf("keys %v: %T: %+v", test.keys, request, r.last())
			}
		}
	}
}

type removable struct {
	*keystest.Source
	removed bool
}

func (s *removable) RemoveAll() { s.removed = true }
func (s *removable) Remove(blob []byte) error {
	if _, found := s.Find(blob); !found {
		return keys.ErrNotFound
	}
	s.removed = true
	return nil
}

// counting counts what it is asked.
type counting struct {
	*removable
	finds, lists int
}

func (s *counting) Find(blob []byte) (keys.Info, bool) { s.finds++; return s.removable.Find(blob) }
func (s *counting) List() []keys.Info                  { s.lists++; return s.removable.List() }

// A key that a view hides and one that is not there get the same answer after the
// same work: the same questions to every source, none to the person, and records of
// one shape and length.
func TestViewTellsHiddenFromAbsentByNothing(t *testing.T) {
	hidden, second := &counting{removable: &removable{Source: keystest.New("hidden")}}, &counting{removable: &removable{Source: keystest.New("other")}}
	r := newRigWith(t, func(c *Config) { c.Ring = keys.NewRing(hidden, second) })
	r.prompt.answer = func(context.Context, confirm.Question) (confirm.Answer, error) {
		t.Error("the person was asked")
		return confirm.Answer{}, nil
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	absent, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, view := range map[string]policy.View{
		"by key":           {Name: "one", Keys: []string{"other"}},
		"by host":          {Name: "two", Hosts: []string{"box"}},
		"by key and host":  {Name: "three", Keys: []string{"other"}, Hosts: []string{"box"}},
		"with its actions": {Name: "four", Keys: []string{"other"}, Action: policy.Allow},
	} {
		c := r.through(view)
		if len(view.Hosts) > 0 && c.ask(newHost(t).bind("session", false)) != wire.Success {
			t.Fatal("not bound")
		}
		for _, request := range []func(blob []byte) wire.Request{
			func(blob []byte) wire.Request { return wire.SignRequest{KeyBlob: blob, Data: gitData("x")} },
			func(blob []byte) wire.Request { return wire.RemoveIdentity{KeyBlob: blob} },
		} {
			work := func(blob []byte) (wire.Reply, [4]int, int) {
				hidden.finds, hidden.lists, second.finds, second.lists = 0, 0, 0, 0
				before := len(r.records(""))
				reply := c.ask(request(blob))
				all := r.records("")
				if len(all) != before+1 {
					t.Errorf("%s: %d records", name, len(all)-before)
				}
				last := all[len(all)-1]
				if last.Key != nil || last.Purpose != nil || last.Destination != nil {
					t.Errorf("%s: %+v", name, last)
				}
				return reply, [4]int{hidden.finds, hidden.lists, second.finds, second.lists}, len(last.Reason) + len(last.Remedy)
			}
			replyHidden, workHidden, saidHidden := work(hidden.Info().Blob)
			replyAbsent, workAbsent, saidAbsent := work(absent.Marshal())
			if replyHidden != wire.Failure || replyAbsent != wire.Failure || workHidden != workAbsent || saidHidden != saidAbsent {
				t.Errorf("%s: %v and %v; work %v and %v; said %d and %d", name, replyHidden, replyAbsent, workHidden, workAbsent, saidHidden, saidAbsent)
			}
		}
		if hidden.removed {
			t.Error("it was removed")
		}
	}
}

// A source learns of every session that the client has bound, as it came.
func TestBindingsGoToTheSource(t *testing.T) {
	r := newRig(t, policy.Rule{Name: "all", Action: policy.Allow})
	c := r.connect()
	one, two := newHost(t).bind("one", true), newHost(t).bind("two", false)
	c.ask(one)
	c.ask(wire.Extension{Name: wire.ExtSessionBind, Contents: []byte("nonsense")})
	c.ask(two)
	r.server.SetRules(policy.New(nil, []policy.Rule{{Name: "f", Forwarded: new(true), Action: policy.Allow}}, policy.Options{}))
	if _, ok := c.ask(r.sign(gitData("x"))).(wire.SignResponse); !ok {
		t.Fatal(r.last().Reason)
	}
	got := r.source.Uses()[0].Bindings
	want := [][]byte{one.Contents, []byte("nonsense"), two.Contents}
	if !slices.EqualFunc(got, want, func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Errorf("%q", got)
	}
}
