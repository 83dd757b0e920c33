package policy

import (
	"errors"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

func process(pid int, name string, args ...string) platform.Process {
	return platform.Process{PID: pid, Start: uint64(1000 + pid), Name: name, Executable: "/usr/bin/" + name, Args: args}
}

// commit is a request of ssh-keygen below git commit below git rebase.
func commit(t testing.TB, changes ...func(*keys.Use)) *keys.Use {
	u := login(t, sshsig("git"), program("/usr/bin/ssh-keygen"))
	u.Peer.Parents = []platform.Process{process(30, "git", "git", "commit"), process(20, "sh"),
		process(10, "git", "/usr/bin/git", "-c", "rebase", "secret"), process(5, "bash"), process(2, "code")}
	for _, change := range changes {
		change(u)
	}
	return u
}

func below(parents ...platform.Process) func(*keys.Use) {
	return func(u *keys.Use) { u.Peer.Parents = parents }
}

func TestOfferBurst(t *testing.T) {
	tests := []struct {
		name     string
		decision Decision
		use      func(*keys.Use)
		pid      int
		span     time.Duration
	}{
		{"rebase", asked, func(*keys.Use) {}, 10, BurstTime},
		{"the rule's time is shorter", Decision{Action: Ask, Remember: time.Minute}, func(*keys.Use) {}, 10, time.Minute},
		{"the rule remembers nothing", Decision{Action: Ask}, func(*keys.Use) {}, 0, 0},
		{"allowed anyway", Decision{Action: Allow, Remember: time.Hour}, func(*keys.Use) {}, 0, 0},
		{"no git", asked, below(process(5, "bash")), 0, 0},
		{"an editor in between", asked, below(process(30, "git", "git", "commit"), process(20, "vim"), process(10, "git")), 30, BurstTime},
		{"git far above an editor", asked, below(process(20, "vim"), process(10, "git")), 0, 0},
		{"another namespace", asked, sshsig("file"), 0, 0},
		{"forwarded", Decision{Action: Ask, Remember: time.Hour, Forwarded: true}, forwarded, 0, 0},
		{"a process that a later one could be confused with", asked, below(platform.Process{PID: 10, Name: "git"}), 0, 0},
		{"key with -c", asked, confirm, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := commit(t, test.use)
			burst, span, ok := OfferBurst(u, test.decision)
			if ok != (test.pid != 0) || burst.PID != test.pid || span != test.span {
				t.Errorf("%+v, %v, %v", burst, span, ok)
			}
			if _, err := new(Grants).AddBurst(u, test.decision, u.Time.Add(time.Minute)); ok != (err == nil) || err != nil && !errors.Is(err, ErrNotGrantable) {
				t.Error(err)
			}
		})
	}
	if burst, _, _ := OfferBurst(commit(t), asked); burst.Command != "git rebase" || burst.Left != MaxBurst {
		t.Errorf("%+v", burst)
	}
}

func TestBurstScope(t *testing.T) {
	var g Grants
	given := commit(t)
	until := given.Time.Add(time.Minute)
	if _, err := g.AddBurst(given, asked, until); err != nil {
		t.Fatal(err)
	}
	rebase := process(10, "git", "git", "rebase")
	later := rebase
	later.Start++
	tests := []struct {
		name string
		use  func(*keys.Use)
		want bool
	}{
		{"the same", func(*keys.Use) {}, true},
		{"the next commit, another process", below(process(31, "git"), process(21, "sh"), rebase), true},
		{"another git command", below(process(30, "git"), process(20, "sh"), process(11, "git")), false},
		{"a later process with the same pid", below(process(30, "git"), later), false},
		{"no git", below(process(5, "bash")), false},
		{"another namespace", sshsig("file"), false},
		{"another program", program("/tmp/ssh-keygen"), false},
		{"another key", func(u *keys.Use) { u.Key = testKey(t, "home") }, false},
		{"another user", func(u *keys.Use) { u.Peer.User = "1001" }, false},
		{"forwarded", forwarded, false},
	}
	for _, test := range tests {
		if _, ok := g.Match(commit(t, test.use), given.Time); ok != test.want {
			t.Errorf("%s: %v", test.name, ok)
		}
	}
	if _, ok := g.Match(given, until); ok {
		t.Error("it holds after its end")
	}
}

func TestBurstIsUsedUp(t *testing.T) {
	var g Grants
	u := commit(t)
	if _, err := g.AddBurst(u, asked, u.Time.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	before := g.List(u.Time)[0]
	for n := 2; n <= MaxBurst; n++ { // the first one was asked about
		if _, ok := g.Match(u, u.Time); !ok {
			t.Fatalf("the burst ended before the signature number %d", n)
		}
	}
	if _, ok := g.Match(u, u.Time); ok || len(g.List(u.Time)) != 0 {
		t.Error("the burst goes on")
	}
	if before.Burst.Left != MaxBurst-1 {
		t.Errorf("a list that was handed out has changed: %+v", before.Burst)
	}
	if _, err := g.AddBurst(u, asked, u.Time.Add(time.Minute)); err != nil || g.RevokeAll() != 1 {
		t.Error("revoke all does not end it")
	}
}
