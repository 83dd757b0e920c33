package confirm_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/platform"
)

// sharing is a request of a program that has copied itself and ended its parent: it has
// only these properties in common with its copies.
func sharing(i int, what platform.Shares, socket string, container bool) confirm.Question {
	q := by(i)
	peer := &q.Use.Peer
	peer.Executable, peer.Parents, peer.Shares, peer.Container = fmt.Sprint("/tmp/", i), nil, what, container
	q.Use.Socket = socket
	return q
}

// Programs with something in common never crowd out another one: when the queue is full,
// the newest of them makes room, and the other program is next.
func TestQueueKeepsRoomForOthers(t *testing.T) {
	for name, member := range map[string]func(i int) confirm.Question{
		"parent": func(i int) confirm.Question { return sharing(i, platform.Shares{}, "", false) },
		"control group": func(i int) confirm.Question {
			q := sharing(i, platform.Shares{Session: i, ControlGroup: "/app"}, "", false)
			q.Use.Peer.Parents = by(i).Use.Peer.Parents
			return q
		},
		"session":   func(i int) confirm.Question { return grouped(i, platform.Shares{Session: 7}) },
		"container": func(i int) confirm.Question { return contained(i) },
		"socket": func(i int) confirm.Question {
			q := grouped(i, platform.Shares{})
			q.Use.Socket = "ci"
			return q
		},
		"terminal": func(i int) confirm.Question {
			q := grouped(i, platform.Shares{})
			q.Use.Peer.Terminal = ""
			return q
		},
		"program": func(i int) confirm.Question {
			q := grouped(i, platform.Shares{})
			q.Use.Peer.Executable = "/tmp/x"
			return q
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(r rig) {
				r.queue = confirm.NewQueue(r.person, confirm.QueueConfig{Now: slowClock()}) // a crowd, but no flood
				ctx, cancel := context.WithCancel(r.Context())
				var crowd []<-chan confirm.Answer
				for i := range confirm.MaxWaiting {
					crowd = append(crowd, r.ask(ctx, member(i+1)))
				}
				shown := r.person.Next(r)
				r.want(r.ask(ctx, member(9001)), confirm.Deny, fmt.Sprintf("too many requests: %d are waiting", confirm.MaxWaiting))
				other := r.ask(r.Context(), by(500))
				r.want(crowd[len(crowd)-1], confirm.Deny, "too many requests from programs with the same "+name)
				shown.Deny()
				if next := r.person.Next(r); next.Question.Use.Peer.PID != 500 {
					t.Errorf("the next process is %d", next.Question.Use.Peer.PID)
				} else {
					next.AllowOnce()
				}
				r.want(other, confirm.AllowOnce, "")
				cancel()
				synctest.Wait()
			})
		})
	}
}

// A few similar programs are asked about in order.
func TestQueueSmallCrowdIsInOrder(t *testing.T) {
	run(t, func(r rig) {
		ctx, cancel := context.WithCancel(r.Context())
		for i := range confirm.CrowdSize + 1 { // the first one is shown
			r.ask(ctx, sharing(i+1, platform.Shares{}, "", false))
		}
		r.ask(ctx, by(500))
		waiting := r.queue.Waiting()
		if last := waiting[len(waiting)-1]; last.PID != 500 {
			t.Errorf("the last process is %d", last.PID)
		}
		cancel()
	})
}

// grouped is sharing with its own parent process.
func grouped(i int, what platform.Shares) confirm.Question {
	q := sharing(i, what, "", false)
	q.Use.Peer.Parents = by(i).Use.Peer.Parents
	return q
}

func contained(i int) confirm.Question {
	q := grouped(i, platform.Shares{Session: i, Namespaces: "pid:[7]"})
	q.Use.Peer.Container = true
	return q
}

// slowClock advances by FloodWindow with each call, so that no requests count as flood.
func slowClock() func() time.Time {
	now := time.Now()
	return func() time.Time { now = now.Add(confirm.FloodWindow); return now }
}
