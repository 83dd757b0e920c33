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

// shares is a request of a program that has copied itself and ended its parent,
// and has only this in common with its like.
func shares(i int, what platform.Shares, socket string, container bool) confirm.Question {
	q := by(i)
	peer := &q.Use.Peer
	peer.Executable, peer.Parents, peer.Shares, peer.Container = fmt.Sprint("/tmp/", i), nil, what, container
	q.Use.Socket = socket
	return q
}

// Programs that have something in common never keep another one out: when the
// queue is full, the newest of them makes room, and the other one is next.
func TestQueueKeepsRoomForOthers(t *testing.T) {
	for name, member := range map[string]func(i int) confirm.Question{
		"parent": func(i int) confirm.Question { return shares(i, platform.Shares{}, "", false) },
		"control group": func(i int) confirm.Question {
			q := shares(i, platform.Shares{Session: i, ControlGroup: "/app"}, "", false)
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
				r.queue = confirm.NewQueue(r.person, confirm.QueueConfig{Now: everLater()}) // no flood, only a crowd
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
					t.Errorf("next is %d", next.Question.Use.Peer.PID)
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

// A few of a kind are asked in their order.
func TestQueueOfAFewIsInOrder(t *testing.T) {
	run(t, func(r rig) {
		ctx, cancel := context.WithCancel(r.Context())
		for i := range confirm.CrowdSize + 1 { // the first one is shown
			r.ask(ctx, shares(i+1, platform.Shares{}, "", false))
		}
		r.ask(ctx, by(500))
		waiting := r.queue.Waiting()
		if last := waiting[len(waiting)-1]; last.PID != 500 {
			t.Errorf("last is %d", last.PID)
		}
		cancel()
	})
}

// grouped is a request of a program that shares nothing else with its like.
func grouped(i int, what platform.Shares) confirm.Question {
	q := shares(i, what, "", false)
	q.Use.Peer.Parents = by(i).Use.Peer.Parents
	return q
}

func contained(i int) confirm.Question {
	q := grouped(i, platform.Shares{Session: i, Namespaces: "pid:[7]"})
	q.Use.Peer.Container = true
	return q
}

// everLater is a clock on which each request comes after the flood's window.
func everLater() func() time.Time {
	now := time.Now()
	return func() time.Time { now = now.Add(confirm.FloodWindow); return now }
}
