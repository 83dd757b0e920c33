package audit

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// login is the record of a login to a host with a key.
func login(host, key string, at time.Time) Record {
	r := FromUse(testUse())
	r.Decision, r.Op, r.Time = Allowed, keys.OpSign, at
	r.Purpose = &wire.Purpose{Kind: wire.KindLogin}
	r.Key = &Key{Fingerprint: key}
	r.Destination = &keys.Destination{Trust: keys.TrustVerified, Host: keys.Host{Fingerprint: host}}
	return r
}

func at(l *Index, host string) (found []string) {
	for _, key := range l.Logins.At(context.Background(), host) {
		found = append(found, key.Fingerprint)
	}
	return found
}

func wantAt(t *testing.T, l *Index, host string, want ...string) {
	t.Helper()
	if found := at(l, host); !slices.Equal(found, want) {
		t.Errorf("%s: %q, not %q", host, found, want)
	}
}

// empty has read an empty log.
func empty(t *testing.T) *Index {
	l := NewIndex()
	l.Load(context.Background(), t.TempDir())
	return l
}

func TestLoginsTheLastComesFirst(t *testing.T) {
	l, start := empty(t), time.Now()
	for i, key := range []string{"a", "b", "c", "a"} {
		l.Add(login("box", key, start.Add(time.Duration(i)*time.Second)))
	}
	wantAt(t, l, "box", "a", "c", "b")
	wantAt(t, l, "other")
	l.Add(login("box", "b", start.Add(-time.Hour))) // an older one, read late
	l.Add(login("box", "d", start.Add(-time.Hour)))
	wantAt(t, l, "box", "a", "c", "b", "d")
	certificate := login("box", "b", start.Add(time.Hour))
	certificate.Purpose.Algorithm = "ssh-ed25519-cert-v01@openssh.com"
	l.Add(certificate)
	wantAt(t, l, "box", "b", "a", "c", "b", "d")
}

func TestLoginsAreVerifiedAllowedLogins(t *testing.T) {
	for name, change := range map[string]func(*Record){
		"":           func(*Record) {},
		"refused":    func(r *Record) { r.Decision = Refused },
		"a list":     func(r *Record) { r.Op = keys.OpList },
		"git":        func(r *Record) { r.Purpose.Kind = wire.KindSSHSig },
		"claimed":    func(r *Record) { r.Destination.Trust = keys.TrustClaimed },
		"nowhere":    func(r *Record) { r.Destination = nil },
		"no key":     func(r *Record) { r.Key = nil },
		"no purpose": func(r *Record) { r.Purpose = nil },
	} {
		l, r := empty(t), login("box", "a", time.Now())
		change(&r)
		l.Add(r)
		if learned := len(at(l, "box")) > 0; learned != (name == "") {
			t.Errorf("%q: learned %v", name, learned)
		}
	}
}

// TestLoginsAreBounded: the latest logins stay.
func TestLoginsAreBounded(t *testing.T) {
	l, start := empty(t), time.Now()
	for i := range maxLoginKeys + 3 {
		l.Add(login("box", fmt.Sprint(i), start.Add(time.Duration(i)*time.Second)))
	}
	if found := at(l, "box"); len(found) != maxLoginKeys || found[0] != fmt.Sprint(maxLoginKeys+2) {
		t.Errorf("%q", found)
	}
	for i := range maxLoginHosts + 2 {
		l.Add(login(fmt.Sprint("host", i), "a", start.Add(time.Duration(i)*time.Hour)))
	}
	if len(l.Logins.hosts) != maxLoginHosts {
		t.Errorf("%d hosts", len(l.Logins.hosts))
	}
	wantAt(t, l, "box")
	wantAt(t, l, "host1")
	wantAt(t, l, fmt.Sprint("host", maxLoginHosts+1), "a")
}

func TestLoginsFromTheLog(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir, &clock{now: time.Now()})
	for _, key := range []string{"a", "b"} {
		_, err := log.Append(login("box", key, time.Time{}))
		must(t, err)
	}
	l := NewIndex()
	waiting := make(chan []string)
	go func() { waiting <- at(l, "box") }()
	l.Load(context.Background(), dir)
	if found := <-waiting; !slices.Equal(found, []string{"b", "a"}) {
		t.Errorf("%q", found)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	l = NewIndex()
	l.Load(stopped, dir)
	wantAt(t, l, "box")
}
