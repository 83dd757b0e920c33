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
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// loginTo is a login to host n by an ssh that one parallel-ssh has started.
func loginTo(n int) confirm.Question {
	q := by(100 + n)
	q.Use.Peer.Terminal = "pts/1"
	q.Use.Peer.Parents = []platform.Process{{PID: 7, Start: 1, Name: "parallel-ssh"}}
	q.Use.Destination.Host = keys.Host{Fingerprint: fmt.Sprintf("SHA256:%d", n), Names: []string{fmt.Sprintf("h%d", n)}}
	q.Together = &confirm.Together{Like: "one command", Max: 40,
		Offer: confirm.Burst{Command: "parallel-ssh", PID: 7, Count: 100, For: 10 * time.Minute}}
	return q
}

func hostNames(hosts []keys.Host) string {
	var names []string
	for _, h := range hosts {
		names = append(names, h.Names[0])
	}
	return strings.Join(names, " ")
}

func askForThirtyHosts(r rig) (answers []<-chan confirm.Answer, leave []context.CancelCauseFunc) {
	for n := range 30 {
		ctx, cancel := context.WithCancelCause(r.Context())
		leave = append(leave, cancel)
		answers = append(answers, r.ask(ctx, loginTo(n)))
	}
	return answers, leave
}

// Thirty logins of one command may wait, although a program may ask only twenty times a
// minute. The question after the first one lists and offers the others.
func TestTogether(t *testing.T) {
	run(t, func(r rig) {
		answers, leave := askForThirtyHosts(r)
		first := r.person.Next(r)
		if first.Question.Burst != nil {
			t.Errorf("hosts were offered when only one login waited: %+v", first.Question.Burst)
		}
		first.AllowOnce()
		r.want(answers[0], confirm.AllowOnce, "")
		second := r.person.Next(r)
		title, lines := confirm.Text(second.Question)
		if title != "Log in to h1, 1 of 29 hosts?" || !strings.Contains(fmt.Sprint(lines), "29 of one command: h1, h2, h3,") ||
			!strings.Contains(fmt.Sprint(lines), ", h29}") && !strings.Contains(fmt.Sprint(lines), "h28, h29") {
			t.Errorf("%q, %v", title, lines)
		}

		late := r.ask(r.Context(), loginTo(30)) // too late for the drawn question
		second.Answer(confirm.Answer{Verdict: confirm.AllowBurst, Reason: "allowed by the person"})
		a := r.want(answers[1], confirm.AllowBurst, "")
		if got := hostNames(a.Hosts); len(a.Hosts) != 29 || !strings.HasPrefix(got, "h1 h2 ") || strings.Contains(got, "h30") {
			t.Errorf("hosts: %s", got)
		}
		for n := 2; n < 30; n++ { // as the agent does when the grant covers them
			leave[n](confirm.ErrAllowed)
			<-answers[n]
		}
		shown := r.person.Next(r)
		for shown.Question.Use.Destination.Host.Names[0] != "h30" { // may be drawn before its client withdraws it
			shown = r.person.Next(r)
		}
		if shown.Question.Burst != nil {
			t.Errorf("hosts were offered for the last login: %+v", shown.Question.Burst)
		}
		shown.Deny()
		r.want(late, confirm.Deny, "denied by the person")
	})
}

// The same logins are a flood when they do not belong together or go to one host.
func TestTogetherCountsAsOneOnlyForOtherHosts(t *testing.T) {
	for name, change := range map[string]func(*confirm.Question){
		"alone":    func(q *confirm.Question) { q.Together = nil },
		"one host": func(q *confirm.Question) { q.Use.Destination.Host.Fingerprint = "SHA256:x" },
		"another command each": func(q *confirm.Question) {
			q.Together = &confirm.Together{Like: q.Use.Peer.PID, Max: 40}
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(r rig) {
				ctx, end := context.WithCancel(r.Context())
				for n := range confirm.FloodLimit {
					q := loginTo(n)
					change(&q)
					r.ask(ctx, q)
				}
				q := loginTo(confirm.FloodLimit)
				change(&q)
				r.want(r.ask(ctx, q), confirm.Deny, "asked more than 20 times")
				end()
			})
		})
	}
}

// A refusal applies to all listed logins; later ones are asked about.
func TestTogetherDenied(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(*confirmtest.Shown)
		reason string
	}{
		"denied": {func(s *confirmtest.Shown) {
			s.Answer(confirm.Answer{Verdict: confirm.Deny, ByPerson: true, Reason: "denied by the person"})
		}, "denied by the person (asked together"},
		"closed": {func(s *confirmtest.Shown) {
			s.Answer(confirm.Answer{Verdict: confirm.Deny, Reason: "the prompt was closed"})
		}, "the prompt was closed (asked together"},
		"closed on a terminal": {func(s *confirmtest.Shown) { s.Close() }, "the prompt was closed (asked together"},
		"timeout":              {func(*confirmtest.Shown) {}, "no answer within 1m (asked together"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(r rig) {
				first := r.ask(r.Context(), loginTo(0))
				second, third := r.ask(r.Context(), loginTo(1)), r.ask(r.Context(), loginTo(2))
				r.person.Next(r).AllowOnce()
				r.want(first, confirm.AllowOnce, "")
				shown := r.person.Next(r)
				late := r.ask(r.Context(), loginTo(3))
				test.answer(shown)
				r.want(second, confirm.Deny, "")
				a := r.want(third, confirm.Deny, test.reason)
				if a.ByPerson != (name == "denied") {
					t.Errorf("by the person: %v", a.ByPerson)
				}
				if name == "timeout" { // redrawn with the late login
					r.want(late, confirm.Deny, test.reason)
					return
				}
				r.person.Next(r).AllowOnce()
				r.want(late, confirm.AllowOnce, "")
			})
		})
	}
}

// Each drawn question counts: a command that is denied again and again cannot keep the
// person busy with a new host after each question.
func TestTogetherStillFloods(t *testing.T) {
	run(t, func(r rig) {
		ctx, end := context.WithCancel(r.Context())
		defer end()
		n := 2
		r.ask(ctx, loginTo(0))
		r.ask(ctx, loginTo(1))
		for range 3 * confirm.FloodLimit {
			shown := r.person.Next(r)
			next := r.ask(ctx, loginTo(n))
			n++
			if len(next) > 0 {
				r.want(next, confirm.Deny, "asked more than 20 times")
				return
			}
			shown.Deny()
			synctest.Wait()
		}
		t.Error("the command may ask for ever")
	})
}

// Hosts whose names cannot be shown whole and logins that ended are not listed.
func TestTogetherListsReadableHosts(t *testing.T) {
	run(t, func(r rig) {
		gone, leave := context.WithCancel(r.Context())
		ctx, end := context.WithCancel(r.Context())
		r.ask(ctx, by(1))
		shown := r.person.Next(r)
		r.ask(ctx, loginTo(1))
		r.ask(ctx, loginTo(2))
		r.ask(gone, loginTo(3))
		long, strange, other := loginTo(4), loginTo(5), loginTo(6)
		long.Use.Destination.Host.Names = []string{strings.Repeat("x", 65)}
		strange.Use.Destination.Host.Names = []string{"h\x1b5"}
		other.Together = &confirm.Together{Like: "another command", Max: 40}
		unknown := by(50)
		unknown.Use.Destination = keys.Destination{Trust: keys.TrustNew, Host: keys.Host{Fingerprint: "SHA256:new"}}
		unknown.Use.Peer.Parents = loginTo(1).Use.Peer.Parents
		for _, q := range []confirm.Question{long, strange, other, unknown} {
			r.ask(ctx, q)
		}
		leave()
		synctest.Wait()
		shown.AllowOnce()
		burst := r.person.Next(r).Question.Burst
		if burst == nil || hostNames(burst.Hosts) != "h1 h2" || burst.NewHosts != 1 {
			t.Errorf("%+v", burst)
		}
		end()
	})
}

// The first question is redrawn when other logins join it, so that one answer is enough.
// An answer to the withdrawn question does not count.
func TestTogetherIsRedrawn(t *testing.T) {
	run(t, func(r rig) {
		answers, leave := askForThirtyHosts(r)
		first := r.person.Next(r)
		again := r.person.Next(r)
		if first.Ctx.Err() == nil || again.Question.Burst == nil || len(again.Question.Burst.Hosts) != 30 {
			t.Fatalf("%v, %+v", first.Ctx.Err(), again.Question.Burst)
		}
		first.AllowOnce()
		synctest.Wait()
		if len(answers[0]) > 0 {
			t.Error("an answer to the withdrawn question counts")
		}
		again.Answer(confirm.Answer{Verdict: confirm.AllowBurst, Reason: "allowed by the person"})
		if a := r.want(answers[0], confirm.AllowBurst, ""); len(a.Hosts) != 30 {
			t.Errorf("%d hosts", len(a.Hosts))
		}
		for n := 1; n < 30; n++ {
			leave[n](confirm.ErrAllowed)
			<-answers[n]
		}
		r.person.WantNone(r) // no window flashes up
	})
}

// A command cannot withdraw its question again and again.
func TestTogetherRedrawsAreBounded(t *testing.T) {
	run(t, func(r rig) {
		ctx, end := context.WithCancel(r.Context())
		defer end()
		r.ask(ctx, loginTo(0))
		shown := r.person.Next(r)
		drawn := 1
		for n := 1; n < 10; n++ {
			r.ask(ctx, loginTo(n))
			time.Sleep(time.Second)
			if shown.Ctx.Err() != nil {
				shown = r.person.Next(r)
				drawn++
			}
		}
		if drawn != 3 || len(shown.Question.Burst.Hosts) != 3 {
			t.Errorf("drawn %d times, the last time with %+v", drawn, shown.Question.Burst)
		}
	})
}
