package policy

import (
	"errors"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// A grant for announced hosts covers the logins of that command to hosts with one of
// those names, and no more of them than were shown.
func TestAnnouncedHosts(t *testing.T) {
	u := web(t, 1)
	until := u.Time.Add(time.Minute)
	name := func(n int) keys.Host { return keys.Host{Names: webHost(n).Names[:1]} }
	hosts := []keys.Host{name(1), name(2), name(3)}
	var g Grants
	grant, err := g.AddAnnounced(u, asked, hosts, until)
	if err != nil || grant.Burst.Left != LoginsTo(hosts)-1 || len(grant.Hosts) != 3 {
		t.Fatalf("%+v %v", grant, err)
	}
	covers := func(u *keys.Use) bool { _, ok := g.Match(u, u.Time); return ok }
	other, uncertain, unproved := web(t, 2), web(t, 2), web(t, 2)
	other.Peer.Parents[0].Start++
	uncertain.Destination.OtherName = true
	unproved.Destination.Trust = keys.TrustNew
	for what, u := range map[string]*keys.Use{"a host that was not announced": web(t, 4), "another command": other, "another name was typed": uncertain, "a key that known_hosts has not": unproved} {
		if covers(u) {
			t.Errorf("covered: %s", what)
		}
	}
	for n := range LoginsTo(hosts) - 1 {
		if !covers(web(t, 1+n%3)) {
			t.Fatalf("login %d is not covered", n)
		}
	}
	if covers(web(t, 2)) {
		t.Error("more logins than were shown")
	}

	var many []keys.Host
	for range MaxAnnounced + 1 {
		many = append(many, name(1))
	}
	for what, hosts := range map[string][]keys.Host{"too many": many, "without its own": hosts[1:], "none": nil} {
		if _, err := new(Grants).AddAnnounced(u, asked, hosts, until); !errors.Is(err, ErrNotGrantable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
