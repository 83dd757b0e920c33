package agent

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/claims"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// waited counts who waits for the end of a client.
type waited struct {
	context.Context
	times int
}

func (w *waited) Done() <-chan struct{} { w.times++; return w.Context.Done() }

// What a request goes by ends with the client, with the epoch and with the request, whether or not
// something waits for it, and only waiting has the client watched.
func TestARequestEndsWithItsClientAndItsEpoch(t *testing.T) {
	locked := errors.New("locked")
	for _, test := range []struct {
		what string
		end  func(client, request func(), epoch context.CancelCauseFunc)
		want error
	}{
		{"the client", func(client, _ func(), _ context.CancelCauseFunc) { client() }, context.Canceled},
		{"the request", func(_, request func(), _ context.CancelCauseFunc) { request() }, context.Canceled},
		{"the epoch", func(_, _ func(), epoch context.CancelCauseFunc) { epoch(locked) }, locked},
	} {
		for _, waits := range []bool{false, true} {
			client, leave := context.WithCancel(context.Background())
			seen, m := &waited{Context: client}, newMoment()
			ctx, done := m.within(seen)
			if waits {
				ctx.Done()
			}
			if ctx.Err() != nil || (seen.times > 0) != waits {
				t.Fatalf("%s: ended %v, watched %d times, though something waits: %v", test.what, ctx.Err(), seen.times, waits)
			}
			test.end(leave, done, m.end)
			if waits {
				<-ctx.Done()
			}
			if ctx.Err() == nil || !errors.Is(context.Cause(ctx), test.want) {
				t.Errorf("%s, something waits: %v: %v, %v", test.what, waits, ctx.Err(), context.Cause(ctx))
			}
			done()
			leave()
		}
	}
}

// A signature that a rule allows, with a key that is at hand, is made by the goroutine that has
// read the request: a second one, which watches for a hang-up, wakes another processor.
func TestNobodyWatchesWhileARuleAllows(t *testing.T) {
	watched := 0
	var r *rig
	r = newRigWith(t, func(c *Config) {
		c.Claims = claims.Open(claims.Config{File: filepath.Join(t.TempDir(), "claims.json"), Now: time.Now})
		c.Written = func(record audit.Record) {
			r.server.mu.Lock()
			defer r.server.mu.Unlock()
			for s := range r.server.sessions {
				if s.queue.mu.Lock(); record.Op == keys.OpSign && s.queue.reading {
					watched++
				}
				s.queue.mu.Unlock()
			}
		}
	}, allowAll)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	info, err := r.server.Ring.Add(keys.Added{PrivateKey: &private})
	if err != nil {
		t.Fatal(err)
	}
	c := r.connect()
	if _, ok := c.ask(wire.SignRequest{KeyBlob: info.Blob, Data: loginData("s", "git", info.Blob, nil)}).(wire.SignResponse); !ok {
		t.Fatalf("no signature: %+v", r.last())
	}
	if watched != 0 {
		t.Error("the connection was watched")
	}
}
