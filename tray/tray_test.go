package tray

import (
	"bytes"
	"fmt"
	"image/png"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

func record(decision, reason string) audit.Record {
	return audit.Record{Op: keys.OpSign, Decision: decision, Reason: reason, Time: time.Now(), Key: &audit.Key{Name: "work"},
		Peer: &audit.Peer{Program: "git"}, Purpose: &wire.Purpose{Kind: wire.KindLogin},
		Destination: &keys.Destination{Trust: keys.TrustClaimed, Claimed: "box\x1b[1m"}}
}

func TestTheMostUrgentStateShows(t *testing.T) {
	var b broker
	want := func(s state) {
		t.Helper()
		if got := b.view("").state; got != s {
			t.Errorf("%q, want %q", got, s)
		}
	}
	want(notRunning)
	var event control.Event
	steps := []struct {
		change func()
		state  state
	}{
		{func() {}, idle},
		{func() { event.Status.Cards = []string{"YubiKey"} }, cardIn},
		{func() { event.Status.Problems = []control.Problem{{What: "the disk is full"}} }, troubled},
		{func() { event.Status.Paused = true }, paused},
		{func() { event.Status.Locked = true }, locked},
		{func() { event.Notices = []string{"Touch YubiKey"} }, waiting},
	}
	for _, step := range steps {
		step.change()
		b.apply(event)
		want(step.state)
	}
}

func TestLinesAreEscapedAndBounded(t *testing.T) {
	var b broker
	for range 20 {
		b.apply(control.Event{Records: []audit.Record{record(audit.Allowed, "")},
			Grants: []policy.Grant{{ID: "1", KeyName: strings.Repeat("k", 10_000), Program: "/bin/\u202egit", Purpose: "login", User: "me",
				Host: keys.Host{Fingerprint: "SHA256:x", Names: []string{"box"}}, Until: time.Now()}}})
	}
	v := b.view("")
	if len(v.recent) != maxRecent {
		t.Errorf("%d lines", len(v.recent))
	}
	if text := v.recent[0].text; !strings.HasSuffix(text, `allowed: git, work, login to box\x1b[1m (claimed)`) {
		t.Error(text)
	}
	if text := v.grants[0].text; len(text) > 300 || !strings.Contains(text, `/bin/\u202egit, login to me@box, until `) {
		t.Error(text)
	}
}

// After an upgrade the older program may still run.
func TestAnotherVersionIsNamed(t *testing.T) {
	var b broker
	b.apply(control.Event{Status: control.Status{Version: "1.0"}})
	if v := b.view("1.0"); len(v.trouble) > 0 {
		t.Errorf("%q", v.trouble)
	}
	if v := b.view("1.1"); len(v.trouble) != 1 || v.trouble[0] != "The broker is version 1.0, this icon 1.1: restart both after an upgrade" || v.state != idle {
		t.Errorf("%+v", v)
	}
}

// Only a verified host is shown by its name alone.
func TestHostTextShowsTrust(t *testing.T) {
	host := keys.Host{Fingerprint: "SHA256:x", Names: []string{"box"}}
	for want, d := range map[string]*keys.Destination{
		" to box":             {Trust: keys.TrustVerified, Host: host},
		" to a new host":      {Trust: keys.TrustNew, Host: host},
		" to box (claimed)":   {Trust: keys.TrustClaimed, Claimed: "box"},
		" to an unknown host": {Trust: keys.TrustNone},
	} {
		if got := hostText(d); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestHiddenKeysAreNotOffered(t *testing.T) {
	b := broker{running: true, keys: []control.Key{{Name: "work", PublicKey: "ssh-ed25519 AAAA", Comment: "me@home", Type: "ssh-ed25519"},
		{Name: "old", PublicKey: "ssh-ed25519 BBBB", Hidden: true}, {Name: "damaged"}}}
	v := b.view("")
	if len(v.keys) != 1 || v.keys[0].id != "ssh-ed25519 AAAA me@home" {
		t.Errorf("%+v", v.keys)
	}
}

// Each state has a different icon, and Windows gets the same one.
func TestIcons(t *testing.T) {
	seen := map[string]state{}
	for _, s := range []state{notRunning, waiting, locked, paused, troubled, cardIn, idle} {
		data := iconPNG(s)
		if other, ok := seen[string(data)]; ok {
			t.Errorf("%s looks like %s", s, other)
		}
		seen[string(data)] = s
		picture, err := png.Decode(bytes.NewReader(data))
		if err != nil || picture.Bounds().Dx() != iconSize {
			t.Errorf("%s: %v", s, err)
		}
		ico := iconICO(s)
		if !bytes.Equal(ico[22:], data) || !bytes.Equal(ico[:6], []byte{0, 0, 1, 0, 1, 0}) {
			t.Errorf("%s: %x", s, ico[:22])
		}
	}
}

// slowScreen shows the idle view slowly, so that a newer view could overtake it.
type slowScreen struct {
	mu   sync.Mutex
	last view
}

func (s *slowScreen) show(v view) {
	if v.state == idle {
		time.Sleep(time.Millisecond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = v
}

func TestTheLastViewStays(t *testing.T) {
	for range 100 {
		screen := &slowScreen{}
		tr := &tray{screen: screen}
		tr.broker.running = true
		var both sync.WaitGroup
		both.Go(func() { tr.draw(t.Context()) }) // after a click
		both.Go(func() {                         // an event
			tr.mu.Lock()
			tr.broker.event.Status.Paused = true
			tr.mu.Unlock()
			tr.draw(t.Context())
		})
		both.Wait()
		if screen.last.state != paused {
			t.Fatalf("the screen shows %q", screen.last.state)
		}
	}
}

// Permanent keys come before keys that a program added. The menu says how many keys it
// does not list.
func TestPermanentKeysComeFirst(t *testing.T) {
	b := broker{running: true}
	for i := range maxKeys + 1 {
		b.keys = append(b.keys, control.Key{Comment: fmt.Sprint("added", i), PublicKey: "x", Source: "added"})
	}
	b.keys = append(b.keys, control.Key{Name: "card", PublicKey: "x", Source: "cards"}, control.Key{Name: "work", PublicKey: "x", Source: "softkeys"})
	v := b.view("")
	if !strings.HasPrefix(v.keys[0].text, "work ") || !strings.HasPrefix(v.keys[1].text, "card ") || !strings.HasPrefix(v.keys[2].text, "added0 ") {
		t.Errorf("%v", v.keys[:3])
	}
	if v.more != "3 more: keybroker keys list" {
		t.Errorf("%q", v.more)
	}
	b.keys = b.keys[:2]
	if v := b.view(""); v.more != "" {
		t.Errorf("%q", v.more)
	}
}
