package policy

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

var parallel = process(10, "python3", "/usr/bin/python3", "/usr/bin/parallel-ssh", "-p", "30")

// web is a login to host n by an ssh that parallel-ssh started.
func web(t testing.TB, n int, changes ...func(*keys.Use)) *keys.Use {
	u := login(t, below(parallel, process(5, "bash")))
	u.Peer.PID, u.Peer.Start = 100+n, uint64(100+n)
	u.Destination.Host = webHost(n)
	for _, change := range changes {
		change(u)
	}
	return u
}

func webHost(n int) keys.Host {
	return keys.Host{Fingerprint: fmt.Sprintf("SHA256:web%d", n), Names: []string{fmt.Sprintf("web%d", n)}}
}

// forked is worker n of parallel; ansible has one for each host.
func forked(n int) platform.Process {
	p := parallel
	p.PID, p.Start = p.PID+n, p.Start+uint64(n)
	return p
}

func TestOfferHosts(t *testing.T) {
	shorter := asked
	shorter.Remember = time.Minute
	tests := []struct {
		name     string
		decision Decision
		use      func(*keys.Use)
		pid      int
		span     time.Duration
	}{
		{"parallel-ssh", asked, func(*keys.Use) {}, 10, BurstTime},
		{"a worker of ansible", asked, below(forked(3), parallel, process(5, "bash")), 10, BurstTime},
		{"another script of the same interpreter", asked, below(process(20, "python3", "python3", "x"), parallel), 20, BurstTime},
		{"a shell", asked, below(process(5, "bash", "bash")), 5, BurstTime},
		{"the rule's time is shorter", shorter, func(*keys.Use) {}, 10, time.Minute},
		{"the rule remembers nothing", Decision{Action: Ask}, func(*keys.Use) {}, 0, 0},
		{"allowed anyway", Decision{Action: Allow, Remember: time.Hour}, func(*keys.Use) {}, 0, 0},
		{"refused", Decision{Action: Refuse, Remember: time.Hour}, func(*keys.Use) {}, 0, 0},
		{"a new host", asked, nameless, 0, 0},
		{"not proved", asked, unverified, 0, 0},
		{"claimed", asked, claimed, 0, 0},
		{"forwarded, though the rule allows it", Decision{Action: Ask, Remember: time.Hour, Forwarded: true}, forwarded, 0, 0},
		{"relayed", asked, func(u *keys.Use) { u.Destination.Relayed = true }, 0, 0},
		{"another name was typed", asked, func(u *keys.Use) { u.Destination.OtherName = true }, 0, 0},
		{"git", asked, sshsig("git"), 0, 0},
		{"key with -c", asked, confirm, 0, 0},
		{"unidentified", asked, unidentified, 0, 0},
		{"no parent", asked, below(), 0, 0},
		{"its parent's file cannot be read", asked, below(platform.Process{PID: 10, Start: 10, Name: "cron"}), 0, 0},
		{"its parent has ended", asked, below(process(1, "init")), 0, 0},
		{"everybody's parent", asked, below(process(900, "systemd")), 0, 0},
		{"a process that a later one could be confused with", asked, below(platform.Process{PID: 10, Name: "python3"}), 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := web(t, 1, test.use)
			offer, ok := OfferHosts(u, test.decision)
			if ok != (test.pid != 0) || offer.Burst.PID != test.pid || offer.For != test.span {
				t.Errorf("%+v, %v", offer, ok)
			}
			_, err := new(Grants).AddHosts(u, test.decision, []keys.Host{u.Destination.Host, webHost(2)}, u.Time.Add(time.Minute))
			if ok != (err == nil) || err != nil && !errors.Is(err, ErrNotGrantable) {
				t.Error(err)
			}
		})
	}
	if offer, _ := OfferHosts(web(t, 1), asked); offer.Burst.Command != "python3 parallel-ssh" || offer.Burst.Left != MaxBurst {
		t.Errorf("%+v", offer)
	}
}

// changedLogins are logins that neither join the question about web(1) nor are covered
// by its answer.
func changedLogins(t *testing.T) map[string]func(*keys.Use) {
	later := parallel
	later.Start++
	otherProgram, otherScript := parallel, parallel
	otherProgram.Executable, otherScript.Args = "/usr/bin/bash", []string{"/usr/bin/python3", "other.py"}
	return map[string]func(*keys.Use){
		"another command":                    below(process(11, "python3", parallel.Args...)),
		"a later process with the same pid":  below(later),
		"it executed another program":        below(otherProgram),
		"it executed another script":         below(otherScript),
		"a child of the command's ssh":       below(process(40, "ssh"), parallel),
		"an interpreter in between":          below(process(41, "python3", "python3", "hook"), parallel),
		"another program":                    program("/tmp/ssh"),
		"another key":                        func(u *keys.Use) { u.Key = testKey(t, "home") },
		"another account":                    account("root"),
		"another user":                       func(u *keys.Use) { u.Peer.User = "1001" },
		"another socket":                     func(u *keys.Use) { u.Socket = "work" },
		"other namespaces":                   func(u *keys.Use) { u.Peer.Shares.Namespaces = "mnt:[1]" },
		"forwarded":                          forwarded,
		"relayed":                            func(u *keys.Use) { u.Destination.Relayed = true },
		"the host has no name any more":      func(u *keys.Use) { nameless(u) },
		"the name is another than was typed": func(u *keys.Use) { u.Destination.OtherName = true },
		"not proved":                         unverified,
		"a key with -c":                      confirm,
	}
}

func TestHostsLike(t *testing.T) {
	given, _ := OfferHosts(web(t, 1), asked)
	if other, ok := OfferHosts(web(t, 2), asked); !ok || other.Like != given.Like {
		t.Error("two hosts of one command are not asked about together")
	}
	if other, ok := OfferHosts(web(t, 2, below(forked(2), parallel)), asked); !ok || other.Like != given.Like {
		t.Error("two workers of one command are not asked about together")
	}
	for name, change := range changedLogins(t) {
		if other, ok := OfferHosts(web(t, 2, change), asked); ok && other.Like == given.Like {
			t.Errorf("%s: asked about together", name)
		}
	}
	other := asked
	other.Rule = "another one"
	if offer, ok := OfferHosts(web(t, 2), other); !ok || offer.Like == given.Like {
		t.Error("two rules: asked about together")
	}
}

func TestHostsCover(t *testing.T) {
	given := web(t, 1)
	until := given.Time.Add(time.Minute)
	var g Grants
	hosts := []keys.Host{webHost(1), webHost(2)}
	grant, err := g.AddHosts(given, asked, hosts, until)
	if err != nil || !grant.Host.IsZero() || len(grant.Hosts) != 2 {
		t.Fatalf("%+v, %v", grant, err)
	}
	hosts[0].Names[0] = "changed"
	if grant.Hosts[0].Names[0] != "web1" {
		t.Error("the grant has the caller's memory")
	}
	covers := func(u *keys.Use, now time.Time) bool { _, ok := g.Match(u, now); return ok }
	for n, want := range map[int]bool{1: true, 2: true, 3: false} {
		if covers(web(t, n), given.Time) != want {
			t.Errorf("host %d: want %v", n, want)
		}
	}
	for name, change := range changedLogins(t) {
		if covers(web(t, 2, change), given.Time) {
			t.Errorf("%s: covered", name)
		}
	}

	// a second answer for the same command does not change the first
	if _, err := g.AddHosts(web(t, 3), asked, []keys.Host{webHost(3), webHost(4)}, until); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 4; n++ {
		if !covers(web(t, n), given.Time) {
			t.Errorf("host %d is not covered", n)
		}
	}
	if _, ok := g.Revoke(grant.ID); !ok || covers(web(t, 2), given.Time) || !covers(web(t, 4), given.Time) {
		t.Error("one of two answers was revoked")
	}
	if covers(web(t, 4), until) {
		t.Error("it holds after its end")
	}
}

func TestHostsLimits(t *testing.T) {
	u := web(t, 1)
	until := u.Time.Add(time.Minute)
	var many []keys.Host
	for n := range MaxHosts + 1 {
		many = append(many, webHost(n))
	}
	for name, hosts := range map[string][]keys.Host{"too many": many, "without its own": many[2:5], "none": nil, "no key": {{Names: []string{"web1"}}}} {
		if _, err := new(Grants).AddHosts(u, asked, hosts, until); !errors.Is(err, ErrNotGrantable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var g Grants
	if _, err := g.AddHosts(u, asked, slices.Clip(many[:MaxHosts]), until); err != nil {
		t.Fatal(err)
	}
	for n := 2; n <= MaxBurst; n++ { // the first one was asked about
		if _, ok := g.Match(web(t, n%MaxHosts), u.Time); !ok {
			t.Fatalf("it ended before login %d", n)
		}
	}
	if _, ok := g.Match(u, u.Time); ok || len(g.List(u.Time)) != 0 {
		t.Error("it goes on")
	}
}
