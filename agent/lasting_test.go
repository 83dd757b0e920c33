package agent

import (
	"context"
	"errors"
	"testing"
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
