package policy

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/keybroker/keybroker/keys"
)

var asked = Decision{Action: Ask, Rule: "a", Remember: 15 * time.Minute}

func TestOffer(t *testing.T) {
	remembered := asked
	remembered.Forwarded = true
	tests := []struct {
		name     string
		decision Decision
		use      []func(*keys.Use)
		want     time.Duration
	}{
		{"login", asked, nil, 15 * time.Minute},
		{"git signature", asked, []func(*keys.Use){sshsig("git")}, 15 * time.Minute},
		{"nameless but verified", asked, []func(*keys.Use){nameless}, 15 * time.Minute},
		{"rule offers none", Decision{Action: Ask}, nil, 0},
		{"allowed", Decision{Action: Allow, Remember: time.Minute}, nil, 0},
		{"refused", Decision{Action: Refuse, Remember: time.Minute}, nil, 0},
		{"at most a day", Decision{Action: Ask, Remember: 1000 * time.Hour}, nil, MaxRemember},
		{"unknown purpose", asked, []func(*keys.Use){unknownData}, 0},
		{"key with -c", asked, []func(*keys.Use){confirm}, 0},
		{"unidentified program", asked, []func(*keys.Use){unidentified}, 0},
		{"program without a path", asked, []func(*keys.Use){func(u *keys.Use) { u.Peer.Executable = "" }}, 0},
		{"unverified login", asked, []func(*keys.Use){unverified}, 0},
		{"claimed login", asked, []func(*keys.Use){claimed}, 0},
		{"forwarded", asked, []func(*keys.Use){forwarded}, 0},
		{"forwarded and the rule says so", remembered, []func(*keys.Use){forwarded}, 15 * time.Minute},
		{"a list", asked, []func(*keys.Use){listing}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := login(t, test.use...)
			if got := Offer(u, test.decision); got != test.want {
				t.Errorf("Offer: got %v, want %v", got, test.want)
			}
			_, err := new(Grants).Add(u, test.decision, u.Time.Add(time.Minute))
			if (err == nil) != (test.want > 0) || err != nil && !errors.Is(err, ErrNotGrantable) {
				t.Errorf("Add: %v", err)
			}
		})
	}
}

// A grant is never wider than the use that it was given for.
func TestGrantScope(t *testing.T) {
	given := login(t)
	now := given.Time.Add(time.Second)
	var g Grants
	if _, ok := g.Match(given, now); ok {
		t.Fatal("a grant before any was given")
	}
	grant, err := g.Add(given, asked, given.Time.Add(15*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		use  func(*keys.Use)
		want bool
	}{
		{"the same", func(*keys.Use) {}, true},
		{"another pid", func(u *keys.Use) { u.Peer.PID = 7 }, true},
		{"another data", func(u *keys.Use) { u.Digest[0] = 1 }, true},
		{"another key", func(u *keys.Use) { u.Key = testKey(t, "home") }, false},
		{"another program of that name", program("/tmp/ssh"), false},
		{"another host", func(u *keys.Use) { u.Destination.Host.Fingerprint = "SHA256:other" }, false},
		{"another account", account("root"), false},
		{"another purpose", sshsig("git"), false},
		{"another owner", func(u *keys.Use) { u.Peer.User = "0" }, false},
		{"forwarded", forwarded, false},
		{"over a hop", func(u *keys.Use) { u.Destination.Hops = []keys.Host{{Fingerprint: "SHA256:hop"}} }, false},
		{"through another socket", func(u *keys.Use) { u.Socket = "ci" }, false},
		{"in a container", func(u *keys.Use) { u.Peer.Shares.Namespaces = "pid:[2] mnt:[2]" }, false},
		{"in another control group", func(u *keys.Use) { u.Peer.Shares.ControlGroup = "/x" }, true},
		{"unverified", unverified, false},
		{"merely claimed", func(u *keys.Use) { u.Destination.Trust = keys.TrustClaimed }, false},
		{"unidentified", unidentified, false},
		{"no longer identified", func(u *keys.Use) { u.Peer.Identified = false }, false},
		{"with -c", confirm, false},
		{"unknown", unknownData, false},
		{"a list", listing, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := g.Match(login(t, test.use), now)
			if ok != test.want || ok && got.ID != grant.ID {
				t.Errorf("got %+v %v, want %v", got, ok, test.want)
			}
		})
	}
}

func TestGrantNamespace(t *testing.T) {
	var g Grants
	u := login(t, sshsig("git"))
	if _, err := g.Add(u, asked, u.Time.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, ok := g.Match(login(t, sshsig("git")), u.Time); !ok {
		t.Error("the same namespace is not covered")
	}
	if _, ok := g.Match(login(t, sshsig("file")), u.Time); ok {
		t.Error("another namespace is covered")
	}
}

func TestGrantEnds(t *testing.T) {
	var g Grants
	u := login(t)
	until := u.Time.Add(15 * time.Minute)
	if _, err := g.Add(u, asked, until); err != nil {
		t.Fatal(err)
	}
	if _, ok := g.Match(u, until.Add(-1)); !ok {
		t.Error("it ended early")
	}
	if n := len(g.List(until.Add(-1))); n != 1 {
		t.Errorf("list before the end: %d", n)
	}
	if _, ok := g.Match(u, until); ok {
		t.Error("it did not end")
	}
	if _, ok := g.Match(u, until.Add(-1)); ok {
		t.Error("it is back after the clock was set back")
	}
	if n := len(g.List(until.Add(-1))); n != 0 {
		t.Errorf("list after the end: %d", n)
	}
	cut, err := g.Add(u, asked, u.Time.Add(1000*time.Hour))
	if err != nil || !cut.Until.Equal(u.Time.Add(MaxRemember)) {
		t.Errorf("got until %v, %v", cut.Until, err)
	}
}

// While the machine sleeps, only the wall clock runs. Package time cannot make a time
// as after a sleep, so the test makes it by hand.
func TestGrantEndsByEitherClock(t *testing.T) {
	now := time.Now()
	slept := now
	(*(*[2]uint64)(unsafe.Pointer(&slept)))[0] += 3600 << 30 // wall seconds, above the nanoseconds
	if slept.Sub(now) != 0 || slept.Round(0).Sub(now.Round(0)) != time.Hour {
		t.Skip("time.Time looks different inside in this version of Go")
	}
	grant := Grant{Until: now.Add(time.Minute)}
	if expired(grant, now) {
		t.Error("ended at once")
	}
	if !expired(grant, slept) {
		t.Error("it outlived the wall clock")
	}
	if !expired(grant, now.Add(time.Hour)) {
		t.Error("it outlived both clocks")
	}
	setBack := Grant{Until: slept.Add(-time.Minute)} // the wall clock says 59 minutes more
	if !expired(setBack, now) {
		t.Error("it outlived the monotonic clock")
	}
}

func TestRevoke(t *testing.T) {
	var g Grants
	git, root := login(t), login(t, account("root"))
	first, _ := g.Add(git, asked, git.Time.Add(time.Minute))
	second, _ := g.Add(root, asked, git.Time.Add(time.Minute))
	if list := g.List(git.Time); len(list) != 2 || list[0].ID != first.ID || list[1].ID != second.ID {
		t.Fatalf("list: %+v", list)
	}
	if _, ok := g.Revoke("none"); ok {
		t.Error("revoked what is not there")
	}
	if got, ok := g.Revoke(first.ID); !ok || got.ID != first.ID {
		t.Error("not revoked")
	}
	if _, ok := g.Match(git, git.Time); ok {
		t.Error("the revoked one still holds")
	}
	if _, ok := g.Match(root, git.Time); !ok {
		t.Error("the other one is gone")
	}
	if n := g.RevokeAll(); n != 1 {
		t.Errorf("revoked %d", n)
	}
	if _, ok := g.Match(root, git.Time); ok {
		t.Error("one holds after RevokeAll")
	}
}

func TestTooManyGrants(t *testing.T) {
	var g Grants
	u := login(t)
	until := u.Time.Add(time.Minute)
	add := func(i int, now time.Time) error {
		_, err := g.Add(login(t, account(fmt.Sprint(i)), func(u *keys.Use) { u.Time = now }), asked, until)
		return err
	}
	for i := range MaxGrants {
		if err := add(i, u.Time); err != nil {
			t.Fatal(err)
		}
	}
	if err := add(MaxGrants, u.Time); !errors.Is(err, ErrTooManyGrants) {
		t.Errorf("one too many: %v", err)
	}
	if err := add(0, u.Time); err != nil {
		t.Errorf("one that holds already: %v", err)
	}
	if err := add(MaxGrants, until); err != nil {
		t.Errorf("when the others ended: %v", err)
	}
}

func TestGrantsConcurrently(t *testing.T) {
	var g Grants
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			u := login(t, account(fmt.Sprint(i)))
			for range 100 {
				grant, err := g.Add(u, asked, u.Time.Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				g.Match(u, u.Time)
				g.List(u.Time)
				g.Revoke(grant.ID)
			}
		})
	}
	group.Wait()
	if n := g.RevokeAll(); n != 0 {
		t.Errorf("%d grants left", n)
	}
}
