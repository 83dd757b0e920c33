package confirm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// rig is a queue with a person behind it. The tests run in a synctest bubble, whose clock
// stands still while anything can run.
type rig struct {
	*testing.T
	person *confirmtest.Prompter
	queue  *confirm.Queue
	log    *bytes.Buffer
}

func run(t *testing.T, test func(rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := rig{T: t, person: confirmtest.New(), log: new(bytes.Buffer)}
		r.queue = confirm.NewQueue(r.person, confirm.QueueConfig{Log: slog.New(slog.NewTextHandler(r.log, nil))})
		test(r)
		synctest.Wait()
		if left := r.queue.Waiting(); len(left) > 0 {
			t.Errorf("left in the queue: %v", left)
		}
	})
}

// ask asks in the background; when it returns, the question is in the queue.
func (r rig) ask(ctx context.Context, q confirm.Question) <-chan confirm.Answer {
	answer := make(chan confirm.Answer, 1)
	go func() {
		a, err := r.queue.Ask(ctx, q)
		if err != nil {
			r.Errorf("Ask returned the error %v", err)
		}
		answer <- a
	}()
	synctest.Wait()
	return answer
}

func (r rig) want(answer <-chan confirm.Answer, verdict confirm.Verdict, reason string) confirm.Answer {
	r.Helper()
	a := <-answer
	if a.Verdict != verdict || !strings.Contains(a.Reason, reason) {
		r.Errorf("answer %q, %q; want %q, %q", a.Verdict, a.Reason, verdict, reason)
	}
	return a
}

// by is a verified login requested by process pid.
func by(pid int) confirm.Question {
	return confirm.Question{Remember: 15 * time.Minute, Use: &keys.Use{
		Op:  keys.OpSign,
		Key: keys.Info{Blob: []byte("key")},
		Peer: platform.Peer{User: "1000", Identified: true, Terminal: fmt.Sprint("pts/", pid),
			Process: platform.Process{PID: pid, Start: 1, Name: "ssh", Executable: confirmtest.SystemSSH()},
			Parents: []platform.Process{{PID: pid + 1000, Start: 1, Name: "zsh"}}},
		Purpose:     wire.Purpose{Kind: wire.KindLogin, User: "git"},
		Destination: keys.Destination{Trust: keys.TrustVerified, Host: keys.Host{Fingerprint: "SHA256:a"}},
	}}
}

func TestQueueOrder(t *testing.T) {
	run(t, func(r rig) {
		first, second := r.ask(r.Context(), by(1)), r.ask(r.Context(), by(2))
		secret := make(chan string)
		go func() {
			s, err := r.queue.Secret(r.Context(), confirm.SecretQuestion{Title: "third"})
			secret <- fmt.Sprint(string(s), err)
		}()
		synctest.Wait()
		if w := r.queue.Waiting(); len(w) != 3 || w[0].PID != 1 || w[1].Program != "ssh ← zsh" || w[2].Program != "keybroker" {
			t.Errorf("waiting: %v", w)
		}
		shown := r.person.Next(r)
		r.person.WantNone(r) // one at a time
		shown.AllowOnce()
		r.want(first, confirm.AllowOnce, "allowed by the person")
		r.person.Next(r).Deny()
		r.want(second, confirm.Deny, "denied by the person")
		if shown = r.person.Next(r); shown.Secret.Title != "third" {
			t.Errorf("shown out of order: %+v", shown)
		}
		shown.Type([]byte("open"))
		if got := <-secret; got != "open<nil>" {
			t.Error(got)
		}
	})
}

func TestQueueTimeout(t *testing.T) {
	run(t, func(r rig) {
		first, second := r.ask(r.Context(), by(1)), r.ask(r.Context(), by(2))
		r.person.Next(r)
		time.Sleep(confirm.DefaultTimeout - time.Second)
		if len(first) > 0 {
			t.Fatal("the timeout came too early")
		}
		time.Sleep(time.Second)
		r.want(first, confirm.Deny, "no answer within 1m")
		// The timeout of the second question starts when it is shown.
		shown := r.person.Next(r)
		if end, ok := shown.Ctx.Deadline(); !ok || time.Until(end) != confirm.DefaultTimeout {
			t.Errorf("its deadline is %v", end)
		}
		time.Sleep(confirm.DefaultTimeout - time.Second)
		shown.AllowOnce()
		r.want(second, confirm.AllowOnce, "")
	})
}

// deaf ignores the end of its context until it is released.
type deaf struct {
	release chan struct{}
	secret  []byte
}

func (deaf) Name() string { return "deaf" }
func (d deaf) Ask(context.Context, confirm.Question) (confirm.Answer, error) {
	<-d.release
	return confirm.Answer{Verdict: confirm.AllowOnce, Reason: "late"}, nil
}
func (deaf) Notify(context.Context, confirm.Notice) error { panic("not asked") }
func (d deaf) Secret(context.Context, confirm.SecretQuestion) ([]byte, error) {
	<-d.release
	return d.secret, nil
}

func TestQueueEnforcesTheTimeout(t *testing.T) {
	run(t, func(r rig) {
		d := deaf{release: make(chan struct{})}
		r.queue = confirm.NewQueue(d, confirm.QueueConfig{Timeout: time.Second})
		a := r.ask(r.Context(), by(1))
		r.want(a, confirm.Deny, "no answer within 1s")
		close(d.release)
		synctest.Wait()
		r.want(r.ask(r.Context(), by(1)), confirm.AllowOnce, "late") // in time now
	})
}

func TestQueueGone(t *testing.T) {
	run(t, func(r rig) {
		ctx, cancel := context.WithCancel(r.Context())
		first, second, third := r.ask(ctx, by(1)), r.ask(ctx, by(2)), r.ask(r.Context(), by(3))
		shown := r.person.Next(r)
		cancel()
		r.want(first, confirm.Deny, "the program went away")
		r.want(second, confirm.Deny, "the program went away")
		synctest.Wait()
		if cause := context.Cause(shown.Ctx); cause.Error() != "the program went away" {
			t.Errorf("the prompt ended because of %v", cause)
		}
		if shown = r.person.Next(r); shown.Question.Use.Peer.PID != 3 {
			t.Error("a prompt was shown for a program that went away")
		}
		shown.AllowOnce()
		r.want(third, confirm.AllowOnce, "")
		r.want(r.ask(ctx, by(4)), confirm.Deny, "the program went away")
	})
}

func TestQueueForgetsWaitersThatLeft(t *testing.T) {
	run(t, func(r rig) {
		ctx, cancel := context.WithCancel(r.Context())
		first, second := r.ask(r.Context(), by(1)), r.ask(ctx, by(2))
		shown := r.person.Next(r)
		cancel()
		r.want(second, confirm.Deny, "the program went away")
		if w := r.queue.Waiting(); len(w) != 1 || w[0].PID != 1 {
			t.Errorf("waiting: %v", w)
		}
		shown.AllowOnce()
		r.want(first, confirm.AllowOnce, "")
	})
}

// "Allow once" answers one request, even if identical ones wait.
func TestQueueAnswersOne(t *testing.T) {
	run(t, func(r rig) {
		first, second := r.ask(r.Context(), by(1)), r.ask(r.Context(), by(1))
		r.person.Next(r).AllowOnce()
		r.want(first, confirm.AllowOnce, "")
		r.person.Next(r).Deny()
		r.want(second, confirm.Deny, "denied by the person")
	})
}

func TestQueueEndsWithItsWaiter(t *testing.T) {
	run(t, func(r rig) {
		ctx, cancel := context.WithCancel(r.Context())
		first := r.ask(ctx, by(1))
		shown := r.person.Next(r)
		cancel()
		r.want(first, confirm.Deny, "the program went away")
		<-shown.Ctx.Done()
	})
}

func TestQueueClamps(t *testing.T) {
	for _, test := range []struct {
		answer   confirm.Answer
		remember time.Duration
		verdict  confirm.Verdict
		lasts    time.Duration
		reason   string
	}{
		{confirm.Answer{Verdict: confirm.AllowFor, For: time.Hour, Reason: "x"}, time.Minute, confirm.AllowFor, time.Minute, "x"},
		{confirm.Answer{Verdict: confirm.AllowFor, For: time.Second, Reason: "x"}, time.Minute, confirm.AllowFor, time.Second, "x"},
		{confirm.Answer{Verdict: confirm.AllowFor, For: time.Hour, Reason: "x"}, 0, confirm.Deny, 0, "longer than was offered"},
		{confirm.Answer{Verdict: confirm.AllowFor, For: 0, Reason: "x"}, time.Minute, confirm.Deny, 0, "longer than was offered"},
		{confirm.Answer{Verdict: confirm.AllowFor, For: -1, Reason: "x"}, time.Minute, confirm.Deny, 0, "longer than was offered"},
		{confirm.Answer{Verdict: confirm.AllowOnce, For: time.Hour, Reason: "x"}, 0, confirm.AllowOnce, 0, "x"},
		{confirm.Answer{Verdict: confirm.Deny, For: time.Hour, Reason: "x"}, 0, confirm.Deny, 0, "x"},
		{confirm.Answer{}, time.Minute, confirm.Deny, 0, "no answer"},
		{confirm.Answer{Verdict: "yes", Reason: "x"}, time.Minute, confirm.Deny, 0, "no answer"},
	} {
		run(t, func(r rig) {
			q := by(1)
			q.Remember = test.remember
			a := r.ask(r.Context(), q)
			r.person.Next(r).Answer(test.answer)
			if got := r.want(a, test.verdict, test.reason); got.For != test.lasts {
				t.Errorf("for %v, want %v", got.For, test.lasts)
			}
		})
	}
}

func TestQueueReasons(t *testing.T) {
	run(t, func(r rig) {
		a := r.ask(r.Context(), by(1))
		r.person.Next(r).Fail(errors.New("pinentry-qt: no display"))
		if got := r.want(a, confirm.Deny, "prompt program failed: pinentry-qt: no display"); got.Remedy != "see what is wrong with the prompt: keybroker doctor" {
			t.Errorf("remedy: %q", got.Remedy)
		}
		a = r.ask(r.Context(), by(1))
		r.person.Next(r).Close()
		r.want(a, confirm.Deny, "the prompt was closed")
		none, _ := ways.Choose(ways.Config{Prompt: "none"})
		r.queue = confirm.NewQueue(none, confirm.QueueConfig{})
		if got := r.want(r.ask(r.Context(), by(1)), confirm.Deny, "no way to ask: prompt = \"none\""); got.Remedy == "" {
			t.Error("no remedy")
		}
		if _, err := r.queue.Secret(r.Context(), confirm.SecretQuestion{}); err == nil || !strings.Contains(err.Error(), "no way to ask") {
			t.Errorf("error %v", err)
		}
	})
}

func TestQueueWipesUnwantedSecret(t *testing.T) {
	run(t, func(r rig) {
		d := deaf{release: make(chan struct{}), secret: []byte("late")}
		r.queue = confirm.NewQueue(d, confirm.QueueConfig{})
		ctx, cancel := context.WithCancel(r.Context())
		failed := make(chan error)
		go func() {
			_, err := r.queue.Secret(ctx, confirm.SecretQuestion{})
			failed <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-failed; err == nil || err.Error() != "the program went away" {
			t.Errorf("error %v", err)
		}
		close(d.release)
		synctest.Wait()
		if string(d.secret) != "\x00\x00\x00\x00" {
			t.Errorf("%q was not wiped", d.secret)
		}
	})
}

func TestQueueLimits(t *testing.T) {
	run(t, func(r rig) {
		ctx, cancel := context.WithCancel(r.Context())
		var answers []<-chan confirm.Answer
		for i := range confirm.MaxPerProcess {
			q := by(1)
			q.Use.Purpose.User = fmt.Sprint("user", i)
			answers = append(answers, r.ask(ctx, q))
		}
		r.want(r.ask(ctx, by(1)), confirm.Deny, fmt.Sprintf(`too many requests: %d from "ssh" (pid 1) are waiting`, confirm.MaxPerProcess))
		for i := len(answers); i < confirm.MaxWaiting; i++ {
			answers = append(answers, r.ask(ctx, by(100+i)))
		}
		r.want(r.ask(ctx, by(2)), confirm.Deny, fmt.Sprintf("too many requests: %d are waiting", confirm.MaxWaiting))
		cancel()
		for _, a := range answers {
			r.want(a, confirm.Deny, "the program went away")
		}
		synctest.Wait()
		a := r.ask(r.Context(), by(2)) // there is room again
		r.person.Next(r).AllowOnce()
		r.want(a, confirm.AllowOnce, "")
	})
}

func TestQueueFlood(t *testing.T) {
	for name, ask := range map[string]func(i int) confirm.Question{
		"process": func(int) confirm.Question { return by(1) },
		"program": func(i int) confirm.Question { // forks twice, so that the parent changes too
			q := by(i)
			q.Use.Peer.Terminal = ""
			return q
		},
		"parent": func(i int) confirm.Question { // copies itself
			q := by(i)
			q.Use.Peer.Executable, q.Use.Peer.Parents[0].PID = fmt.Sprint("/tmp/", i), 7
			return q
		},
		"container": func(i int) confirm.Question {
			return sharing(i, platform.Shares{Session: i, Namespaces: "pid:[7]"}, "", true)
		},
		"socket": func(i int) confirm.Question { return sharing(i, platform.Shares{Session: i}, "ci", false) },
		"unidentified": func(int) confirm.Question {
			return confirm.Question{Use: &keys.Use{Peer: platform.Peer{User: "1000"}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(r rig) {
				for i := range confirm.FloodLimit {
					a := r.ask(r.Context(), ask(i+1))
					r.person.Next(r).Deny()
					r.want(a, confirm.Deny, "denied by the person")
				}
				for i := range 5 {
					r.want(r.ask(r.Context(), ask(100+i)), confirm.Deny, "counted by "+name+")")
				}
				r.person.WantNone(r)
				if n := strings.Count(r.log.String(), "asks too often"); n != 1 {
					t.Errorf("logged %d times: %s", n, r.log)
				}
				a := r.ask(r.Context(), by(5000)) // another program is not affected
				r.person.Next(r).AllowOnce()
				r.want(a, confirm.AllowOnce, "")
				time.Sleep(confirm.FloodPause)
				a = r.ask(r.Context(), ask(200))
				r.person.Next(r).AllowOnce()
				r.want(a, confirm.AllowOnce, "")
			})
		})
	}
}

func TestQueueAllowedPromptsAreNoFlood(t *testing.T) {
	run(t, func(r rig) {
		for range 3 * confirm.FloodLimit { // a rebase that signs each commit
			a := r.ask(r.Context(), by(1))
			r.person.Next(r).AllowOnce()
			r.want(a, confirm.AllowOnce, "")
		}
	})
}

func TestQueueSlowAskerIsNoFlood(t *testing.T) {
	run(t, func(r rig) {
		for range 3 * confirm.FloodLimit {
			a := r.ask(r.Context(), by(1))
			r.person.Next(r).Deny()
			r.want(a, confirm.Deny, "denied by the person")
			time.Sleep(confirm.FloodWindow / (confirm.FloodLimit - 1))
		}
	})
}
