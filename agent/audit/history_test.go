package audit

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

func signAt(key, host string) *keys.Use {
	u := &keys.Use{Op: keys.OpSign, Key: keys.Info{Fingerprint: key}, Purpose: wire.Purpose{Kind: wire.KindLogin}}
	if host != "" {
		u.Destination = keys.Destination{Trust: keys.TrustVerified, Host: keys.Host{Fingerprint: host}}
	}
	return u
}

func TestHistory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	h := NewIndex()
	log, err := Open(Config{Dir: dir, Index: h})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	write := func(u *keys.Use, decision string) {
		t.Helper()
		r := FromUse(u)
		r.Decision = decision
		if _, err := log.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	git := signAt("A", "")
	git.Purpose = wire.Purpose{Kind: wire.KindSSHSig, Namespace: "git"}
	write(signAt("A", "host"), Allowed)
	write(git, Allowed)
	write(signAt("A", "refused"), Refused)
	write(signAt("C", ""), Refused)

	fresh := NewIndex()
	if fresh.History.Past(signAt("A", "host")).Known || h.History.Past(signAt("A", "host")).Known {
		t.Error("it knows before it has read")
	}
	fresh.Load(t.Context(), dir)
	h.Load(t.Context(), dir)
	mail := *git
	mail.Purpose.Namespace = "mail"
	for _, known := range []*Index{fresh, h} { // one from the file, one that also saw each record
		for _, test := range []struct {
			name             string
			use              *keys.Use
			key, place, here bool
		}{
			{"the same again", signAt("A", "host"), true, true, true},
			{"another host", signAt("A", "other"), true, true, false},
			{"where it was refused", signAt("A", "refused"), true, true, false},
			{"no verified host", signAt("A", ""), true, false, false},
			{"another key", signAt("B", "host"), false, true, false},
			{"a key that was only refused", signAt("C", "host"), false, true, false},
			{"the same namespace", git, true, true, true},
			{"another namespace", &mail, true, true, false},
		} {
			p := known.History.Past(test.use)
			if !p.Known || p.KeyUsed.IsZero() == test.key || p.HasPlace != test.place || p.PlaceUsed.IsZero() == test.here {
				t.Errorf("%s: %+v", test.name, p)
			}
		}
	}
	write(signAt("B", "host"), Allowed)
	if p := h.History.Past(signAt("B", "host")); p.PlaceUsed.IsZero() {
		t.Error("a record that was written is not known")
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := NewIndex()
	h.Load(t.Context(), t.TempDir())
	for i := range maxPlaces {
		h.Add(Record{Op: keys.OpSign, Decision: Allowed, Key: &Key{Fingerprint: "A"}, Time: time.Now(),
			Destination: &keys.Destination{Trust: keys.TrustVerified, Host: keys.Host{Fingerprint: time.Duration(i).String()}}})
	}
	if h.History.Past(signAt("A", "x")).Known || len(h.History.places) > maxPlaces {
		t.Error("it goes on as if it knew all")
	}
}
