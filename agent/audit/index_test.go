package audit

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// The months are read newest first, which does not change the result.
func TestIndexOfSeveralMonths(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	times := &clock{now: now.AddDate(-2, 0, 0)}
	log := open(t, dir, times)
	first := times.now
	for _, one := range []struct {
		host string
		when time.Time
	}{{"old", first}, {"box", now.AddDate(0, -2, 0)}, {"box", now}} {
		times.now = one.when
		_, err := log.Append(login(one.host, "a", time.Time{}))
		must(t, err)
	}
	must(t, log.Close())
	x := NewIndex()
	x.Load(t.Context(), dir)
	if past := x.History.Past(signAt("a", "box")); !past.Known || past.KeyUsed.Before(now) || past.PlaceUsed.Before(now) {
		t.Errorf("%+v", past)
	}
	wantAt(t, x, "box", "a")
	wantAt(t, x, "old") // not for a year
	usage, err := Usage(t.Context(), dir)
	if u := usage["a"]; err != nil || u.Count != 3 || u.First.After(first.Add(time.Minute)) || u.Last.Before(now) {
		t.Errorf("%+v, %v", u, err)
	}
}

// A cancelled Load leaves nothing wrong.
func TestIndexIsCancelled(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir, &clock{now: time.Now()})
	_, err := log.Append(login("box", "a", time.Time{}))
	must(t, err)
	must(t, log.Close())
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	x := NewIndex()
	x.Load(stopped, dir)
	if x.History.Past(signAt("a", "box")).Known {
		t.Error("a log that was not read to its end is known")
	}
	if usage, err := Usage(stopped, dir); err == nil || len(usage) > 0 {
		t.Errorf("%v, %v", usage, err)
	}
}

// If there are too many hosts, the one used longest ago is dropped, even if it is read
// last.
func TestOldHostTakesNoPlace(t *testing.T) {
	x, start := empty(t), time.Now()
	for i := range maxLoginHosts {
		x.Add(login(fmt.Sprint("host", i), "a", start))
	}
	x.Add(login("older", "a", start.Add(-time.Hour)))
	wantAt(t, x, "older")
	wantAt(t, x, "host0", "a")
	x.Add(login("newer", "a", start.Add(time.Hour)))
	wantAt(t, x, "newer", "a")
}
