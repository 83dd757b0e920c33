package confirm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

// A held request that the answer to another one ended leaves the queue.
func TestEndedHeldRequestLeavesTheQueue(t *testing.T) {
	for name, answer := range map[string]confirm.Answer{
		"a no for all listed hosts": {Verdict: confirm.Deny, ByPerson: true, Reason: "denied by the person"},
		"deny for 10 minutes":       {Verdict: confirm.DenyFor, For: time.Minute, Reason: "denied by the person"},
	} {
		t.Run(name, func(t *testing.T) {
			runWith(t, confirm.QuietBackground, func(r rig) {
				_, stop := r.queue.Watch()
				defer stop()
				q := loginTo(1)
				q.Use.Peer.Terminal = ""
				held := r.ask(r.Context(), q)
				q = loginTo(2)
				q.Use.Peer.Terminal, q.Use.Peer.Attended = "", true
				shown := r.ask(r.Context(), q)
				r.person.Next(r).Answer(answer)
				r.want(shown, confirm.Deny, "")
				r.want(held, confirm.Deny, "denied by the person")
				synctest.Wait()
				if left := r.queue.Waiting(); len(left) > 0 {
					t.Errorf("still waits: %+v", left)
				}
			})
		})
	}
}

// A login whose program has gone is not listed any more.
func TestAGoneLoginIsNotListed(t *testing.T) {
	run(t, func(r rig) {
		r.ask(r.Context(), loginTo(0))
		first := r.person.Next(r)
		r.ask(r.Context(), loginTo(1))
		ctx, leave := context.WithCancel(r.Context())
		r.ask(ctx, loginTo(2))
		leave()
		again := r.person.Next(r)
		if first.Ctx.Err() == nil || again.Question.Burst == nil || len(again.Question.Burst.Hosts) != 2 {
			t.Fatalf("%v, %+v", first.Ctx.Err(), again.Question.Burst)
		}
		again.Answer(confirm.DeniedByPerson())
	})
}

// A host that cannot be listed gets its own question, and counts as one.
func TestUnlistedHostsCount(t *testing.T) {
	run(t, func(r rig) {
		ctx, end := context.WithCancel(r.Context())
		defer end()
		for n := range confirm.FloodLimit + 1 {
			q := loginTo(n)
			q.Use.Destination.Host.Names[0] = strings.Repeat("x", 65)
			answer := r.ask(ctx, q)
			if refused := len(answer) > 0; refused != (n == confirm.FloodLimit) {
				t.Errorf("question %d: refused: %v", n, refused)
			}
			if len(answer) > 0 {
				r.want(answer, confirm.Deny, "asked more than 20 times")
			}
		}
	})
}

// small shows no list of more than limit hosts.
type small struct {
	*confirmtest.Prompter
	limit int
}

func (s small) Ask(ctx context.Context, q confirm.Question) (confirm.Answer, error) {
	if q.Burst != nil && len(q.Burst.Hosts) > s.limit {
		return confirm.Answer{}, fmt.Errorf("small: %w", confirm.ErrTooLong)
	}
	return s.Prompter.Ask(ctx, q)
}

// A list that does not fit is halved. The answer is for the shown half.
func TestLongListIsHalved(t *testing.T) {
	for limit, want := range map[int]int{40: 30, 15: 15, 14: 7, 3: 3, 2: 1} {
		synctest.Test(t, func(t *testing.T) {
			r := rig{T: t, person: confirmtest.New()}
			r.queue = confirm.NewQueue(small{r.person, limit}, confirm.QueueConfig{})
			first := r.ask(r.Context(), by(1))
			shown := r.person.Next(r)
			ctx, end := context.WithCancel(r.Context())
			defer end()
			var answers []<-chan confirm.Answer
			for n := range 30 {
				answers = append(answers, r.ask(ctx, loginTo(n)))
			}
			shown.AllowOnce()
			<-first
			shown = r.person.Next(r)
			got := 1
			if shown.Question.Burst != nil {
				got = len(shown.Question.Burst.Hosts)
			}
			if got != want {
				t.Errorf("%d fit: %d are listed; want %d", limit, got, want)
			}
			shown.Deny()
			synctest.Wait()
			for n, answer := range answers {
				if denied := len(answer) > 0; denied != (n < want) {
					t.Errorf("%d fit: host %d has an answer: %v", limit, n, denied)
				}
			}
		})
	}
}
