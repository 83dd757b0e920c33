package audit

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// story writes records at days before now.
type story struct {
	t     *testing.T
	dir   string
	clock *clock
	log   *Log
	now   time.Time
}

func newStory(t *testing.T) *story {
	s := &story{t: t, dir: t.TempDir(), clock: &clock{}, now: time.Now()}
	s.log = open(t, s.dir, s.clock)
	return s
}

func (s *story) write(daysAgo float64, r Record) {
	s.t.Helper()
	s.clock.set(s.now.Add(-time.Duration(daysAgo * 24 * float64(time.Hour))))
	_, err := s.log.Append(r)
	must(s.t, err)
}

var (
	starts = Record{Op: keys.OpStart, Decision: Note}
	ends   = Record{Op: keys.OpEnd, Decision: Note}
	lists  = Record{Op: keys.OpList, Decision: Allowed}
)

func holds(fingerprint string) Record {
	return Record{Op: keys.OpKeys, Decision: Note, Held: []Key{{Fingerprint: fingerprint, Source: "softkeys"}}}
}

func loses(fingerprint string) Record {
	return Record{Op: keys.OpKeys, Decision: Note, Gone: []Key{{Fingerprint: fingerprint, Source: "softkeys"}}}
}

func uses(fingerprint string) Record {
	return Record{Op: keys.OpSign, Decision: Allowed, Key: &Key{Fingerprint: fingerprint}}
}

// days writes stretches as days before now.
func (s *story) days(list []Watch) (text string) {
	for _, w := range list {
		text += fmt.Sprintf("%d-%d ", int(s.now.Sub(w.Since).Hours()/24+0.5), int(s.now.Sub(w.Until).Hours()/24+0.5))
	}
	return text
}

func TestWatches(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nobody can tell there whether a broker runs (Holder)")
	}
	for _, test := range []struct {
		name    string
		tell    func(s *story)
		runs    bool // the broker still runs
		watches string
		key     string // of the key K
	}{
		{"nothing", func(*story) {}, true, "", ""},
		{"it runs", func(s *story) { s.write(100, starts); s.write(90, holds("K")) }, true, "100-0 ", "90-0 "},
		{"it ended", func(s *story) { s.write(100, starts); s.write(90, holds("K")); s.write(40, ends) }, true, "100-40 ", "90-40 "},
		{"it was killed", func(s *story) { s.write(100, starts); s.write(90, uses("K")); s.write(50, lists); s.write(20, starts) }, true, "100-50 20-0 ", "90-50 20-0 "},
		{"it was killed and does not run", func(s *story) { s.write(100, starts); s.write(90, uses("K")); s.write(50, lists) }, false, "100-50 ", "90-50 "},
		{"a command without a broker", func(s *story) {
			s.write(100, starts)
			s.write(90, uses("K"))
			s.write(50, ends)
			s.write(10, Record{Op: keys.OpRename, Decision: Allowed})
		}, false, "100-50 ", "90-50 "},
		{"a command after a kill", func(s *story) {
			s.write(100, starts)
			s.write(90, uses("K"))
			s.write(10, Record{Op: keys.OpRename, Decision: Allowed})
		}, false, "100-90 ", ""},
		{"the key was away", func(s *story) {
			s.write(100, starts)
			s.write(90, holds("K"))
			s.write(60, loses("K"))
			s.write(30, holds("K"))
		}, true, "100-0 ", "90-60 30-0 "},
		{"the key was lost at a restart", func(s *story) {
			s.write(100, starts)
			s.write(90, holds("K"))
			s.write(60, ends)
			s.write(30, starts)
			s.write(30-1e-8, loses("K")) // a millisecond later
			s.write(20, holds("K"))
		}, true, "100-60 30-0 ", "90-60 20-0 "},
		{"a clock that was ahead", func(s *story) {
			s.write(100, starts)
			s.write(90, holds("K"))
			s.write(-1000, lists)
			s.write(-999, starts)
		}, true, "100-0 ", "90-0 "},
		{"a clock that was set back", func(s *story) {
			s.write(10, starts)
			s.write(9, holds("K"))
			s.write(100, lists)
			s.write(95, lists)
			s.write(95, ends)
		}, true, "100-95 ", ""},
		{"a clock that was set back and on", func(s *story) {
			s.write(50, starts)
			s.write(60, holds("K"))
			s.write(70, starts)
			s.write(20, lists)
			s.write(20, ends)
		}, true, "70-20 ", "60-20 "},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStory(t)
			test.tell(s)
			if !test.runs {
				must(t, s.log.Close())
			}
			list, err := Watches(t.Context(), s.dir)
			must(t, err)
			usage, err := Usage(t.Context(), s.dir)
			must(t, err)
			if got := s.days(list); got != test.watches {
				t.Errorf("watches %q, not %q", got, test.watches)
			}
			if got := s.days(usage["K"].Watched); got != test.key {
				t.Errorf("of the key %q, not %q", got, test.key)
			}
		})
	}
}

// A key is called unused only after it was watched for that long since its last use.
func TestIdle(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now()
	ago := func(days int) time.Time { return now.Add(-time.Duration(days) * day) }
	watched := []Watch{{ago(230), ago(100)}, {ago(70), now}} // 200 days
	for _, test := range []struct {
		name  string
		usage KeyUsage
		used  bool
		idle  Idle
	}{
		{"never watched", KeyUsage{}, false, Idle{0, 90 * day}},
		{"never used", KeyUsage{Watched: watched}, false, Idle{200 * day, 0}},
		{"young", KeyUsage{Watched: watched[1:]}, false, Idle{70 * day, 20 * day}},
		{"used today", KeyUsage{Count: 1, Last: now, Watched: watched}, true, Idle{}},
		{"used 89 days ago", KeyUsage{Count: 1, Last: ago(89), Watched: watched}, true, Idle{}},
		{"used 95 days ago, with a gap", KeyUsage{Count: 1, Last: ago(95), Watched: watched}, false, Idle{70 * day, 20 * day}},
		{"used 120 days ago, with a gap", KeyUsage{Count: 1, Last: ago(120), Watched: watched}, false, Idle{90 * day, 0}},
	} {
		if idle, used := test.usage.Idle(90*day, now); idle != test.idle || used != test.used {
			t.Errorf("%s: %+v, %v", test.name, idle, used)
		}
	}
}
