package agent

import (
	"testing"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// What ends an epoch while a list of hosts is shown ends the request of each of them:
// an answer that comes after makes no grant, and nothing is signed.
func TestALateAnswerForHostsIsVoid(t *testing.T) {
	for _, ending := range endings {
		t.Run(ending.what, func(t *testing.T) {
			person := confirmtest.New()
			web1, web2 := newHost(t), newHost(t)
			r := newRigWith(t, func(c *Config) {
				c.Prompt = confirm.NewQueue(person, confirm.QueueConfig{})
				c.Hosts = NewKnownHosts(hostsText(t, web1.line("web1")+web2.line("web2")))
			})
			replies := make(chan wire.Reply, 2)
			for _, h := range []host{web1, web2} {
				c, login := r.connect(), loginData("session", "root", r.source.Info().Blob, h.blob())
				c.ask(h.bind("session", false))
				go func() { replies <- c.ask(r.sign(login)) }()
			}
			shown := person.Next(t)
			for !shown.Question.Burst.ListsHosts() { // until it was drawn anew
				shown = person.Next(t)
			}
			ending.do(r)
			shown.Answer(confirm.Answer{Verdict: confirm.AllowBurst, Reason: "allowed by the person"})
			signed := 0
			for range 2 {
				if _, ok := (<-replies).(wire.SignResponse); ok {
					signed++
				}
			}
			grants := r.server.Grants.List(time.Now())
			if want := map[bool]int{true: 2, false: 0}[ending.void == ""]; signed != want || len(grants) != want/2 {
				t.Errorf("%d were signed, want %d; grants %+v", signed, want, grants)
			}
			for _, record := range r.records(keys.OpSign) {
				meanwhile := record.Reason == errLocked.reason || record.Reason == errPaused.reason
				if ending.void != "" && record.Reason != ending.void && !meanwhile {
					t.Errorf("%s: %s; want %s", record.Decision, record.Reason, ending.void)
				}
			}
		})
	}
}
