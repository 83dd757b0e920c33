package confirm_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

// runWith is run with a Background.
func runWith(t *testing.T, b confirm.Background, test func(rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := rig{T: t, person: confirmtest.New(), log: new(bytes.Buffer)}
		r.queue = confirm.NewQueue(r.person, confirm.QueueConfig{Log: slog.New(slog.NewTextHandler(r.log, nil)), Background: b})
		test(r)
		synctest.Wait()
		if left := r.queue.Waiting(); len(left) > 0 {
			t.Errorf("left in the queue: %v", left)
		}
	})
}

// unattended is a login of a process without a terminal.
func unattended(pid int) confirm.Question {
	q := by(pid)
	q.Use.Peer.Terminal = ""
	return q
}

func TestBackgroundIsHeldUntilShown(t *testing.T) {
	runWith(t, confirm.QuietBackground, func(r rig) {
		changed, stop := r.queue.Watch()
		defer stop()
		first, second := r.ask(r.Context(), unattended(1)), r.ask(r.Context(), unattended(2))
		r.person.WantNone(r)
		w := r.queue.Waiting()
		if len(w) != 2 || !w[0].Held || !w[1].Held || w[0].Title == "" || len(changed) != 1 {
			t.Fatalf("waiting %+v, %d changes", w, len(changed))
		}
		attended := r.ask(r.Context(), by(3)) // overtakes the held ones
		r.person.Next(r).AllowOnce()
		r.want(attended, confirm.AllowOnce, "")
		if r.queue.Show("x") || !r.queue.Show(w[1].ID) || r.queue.Show(w[1].ID) {
			t.Error("Show did not find exactly the named prompt")
		}
		shown := r.person.Next(r)
		if shown.Question.Use.Peer.PID != 2 {
			t.Errorf("process %d is shown", shown.Question.Use.Peer.PID)
		}
		shown.AllowOnce()
		r.want(second, confirm.AllowOnce, "")
		if !r.queue.Show("") || r.queue.Show("") {
			t.Error("Show did not find exactly the oldest prompt")
		}
		r.person.Next(r).Deny()
		r.want(first, confirm.Deny, "denied by the person")
	})
}

func TestBackgroundIsAskedWhereNobodyWatches(t *testing.T) {
	runWith(t, confirm.QuietBackground, func(r rig) {
		answer := r.ask(r.Context(), unattended(1))
		r.person.Next(r).AllowOnce()
		r.want(answer, confirm.AllowOnce, "")
		_, stop := r.queue.Watch()
		_, stop2 := r.queue.Watch()
		held := r.ask(r.Context(), unattended(2))
		stop()
		synctest.Wait()
		r.person.WantNone(r)
		stop2() // the last watcher
		r.person.Next(r).AllowOnce()
		r.want(held, confirm.AllowOnce, "")
	})
	runWith(t, confirm.AskBackground, func(r rig) {
		_, stop := r.queue.Watch()
		defer stop()
		answer := r.ask(r.Context(), unattended(1))
		r.person.Next(r).AllowOnce()
		r.want(answer, confirm.AllowOnce, "")
	})
}

func TestHeldRequestEnds(t *testing.T) {
	runWith(t, confirm.QuietBackground, func(r rig) {
		_, stop := r.queue.Watch()
		defer stop()
		ctx, cancel := context.WithCancel(r.Context())
		gone, expired := r.ask(ctx, unattended(1)), r.ask(r.Context(), unattended(2))
		cancel()
		r.want(gone, confirm.Deny, "the program went away")
		time.Sleep(confirm.HoldTime - time.Second)
		if len(expired) > 0 {
			t.Fatal("it expired too early")
		}
		time.Sleep(time.Second)
		r.want(expired, confirm.Deny, "nobody opened its question within 10m")
	})
}

func TestHeldRequestsAreBounded(t *testing.T) {
	runWith(t, confirm.QuietBackground, func(r rig) {
		_, stop := r.queue.Watch()
		defer stop()
		ctx, cancel := context.WithCancel(r.Context())
		var answers []<-chan confirm.Answer
		for i := range confirm.MaxPerProcess {
			q := unattended(1)
			q.Use.Purpose.User = string(rune('a' + i))
			answers = append(answers, r.ask(ctx, q))
		}
		r.want(r.ask(ctx, unattended(1)), confirm.Deny, "too many requests")
		cancel()
		for _, answer := range answers {
			r.want(answer, confirm.Deny, "went away")
		}
	})
}

func TestBackgroundIsRefused(t *testing.T) {
	runWith(t, confirm.RefuseBackground, func(r rig) {
		r.want(r.ask(r.Context(), unattended(1)), confirm.Deny, `background = "refuse"`)
		answer := r.ask(r.Context(), by(1)) // the same process with a terminal
		r.person.Next(r).AllowOnce()
		r.want(answer, confirm.AllowOnce, "")
		started := unattended(2) // started from a terminal
		started.Use.Peer.Attended = true
		answer = r.ask(r.Context(), started)
		r.person.Next(r).AllowOnce()
		r.want(answer, confirm.AllowOnce, "")
	})
}

func TestDenyForAWhile(t *testing.T) {
	run(t, func(r rig) {
		other := func(q confirm.Question, user string) confirm.Question { q.Use.Purpose.User = user; return q }
		pause := confirm.Answer{Verdict: confirm.DenyFor, For: time.Hour, Reason: "denied by the person"}
		first, waiting, neighbour := r.ask(r.Context(), by(1)), r.ask(r.Context(), other(by(1), "root")), r.ask(r.Context(), by(2))
		r.person.Next(r).Answer(pause)
		if a := r.want(first, confirm.Deny, "and for 10 minutes whatever else"); a.For != 0 {
			t.Errorf("for %v", a.For)
		}
		r.want(waiting, confirm.Deny, "denied by the person for a while") // it was already in the queue
		r.person.Next(r).AllowOnce()
		r.want(neighbour, confirm.AllowOnce, "")
		time.Sleep(confirm.PauseTime - time.Second)
		r.want(r.ask(r.Context(), other(by(1), "anna")), confirm.Deny, "(counted by process) until")
		sibling := by(1)
		sibling.Use.Peer.PID = 77 // the same program on the same terminal
		r.want(r.ask(r.Context(), sibling), confirm.Deny, "(counted by program) until")
		time.Sleep(time.Second)
		again := r.ask(r.Context(), by(1))
		r.person.Next(r).Answer(pause)
		r.want(again, confirm.Deny, "")
		if n := r.queue.EndPauses(); n != 2 || r.queue.EndPauses() != 0 {
			t.Errorf("%d pauses ended", n)
		}
		again = r.ask(r.Context(), by(1))
		r.person.Next(r).AllowOnce()
		r.want(again, confirm.AllowOnce, "")
	})
}
