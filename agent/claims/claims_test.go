package claims

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	work = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	home = "SHA256:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// rig is a log with its claims.
type rig struct {
	t   *testing.T
	dir string
	log *audit.Log
	now time.Time
	was string // an older file
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), now: noon}
	log, err := audit.Open(audit.Config{Dir: filepath.Join(r.dir, "audit")})
	if err != nil {
		t.Fatal(err)
	}
	r.log = log
	t.Cleanup(func() { log.Close() })
	return r
}

func (r *rig) file() string { return filepath.Join(r.dir, "claims.json") }

func (r *rig) open() *Store {
	return Open(Config{File: r.file(), AuditDir: filepath.Join(r.dir, "audit"), Now: func() time.Time { return r.now },
		Expired: func(fingerprint string, claim keys.Claim, digest string) error {
			return r.record(fingerprint, claim, digest)
		}})
}

func (r *rig) record(fingerprint string, claim keys.Claim, digest string) error {
	_, err := r.log.Append(audit.Record{Op: keys.OpAnnotate, Decision: audit.Allowed, Key: &audit.Key{Fingerprint: fingerprint}, Claim: &claim, Claims: digest})
	return err
}

func (r *rig) change(s *Store, fingerprint string, next keys.Claim) {
	r.t.Helper()
	if err := s.Change(fingerprint, s.Claim(fingerprint), next, func(digest string) error { return r.record(fingerprint, next, digest) }); err != nil {
		r.t.Fatal(err)
	}
}

// fill makes the log longer than what is read of its end.
func (r *rig) fill() {
	r.t.Helper()
	text := strings.Repeat("x", audit.MaxReason)
	for range maxTail/audit.MaxReason + 1 {
		if _, err := r.log.Append(audit.Record{Op: keys.OpSign, Decision: audit.Refused, Reason: text}); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) read() string {
	r.t.Helper()
	data, err := os.ReadFile(r.file())
	if err != nil {
		r.t.Fatal(err)
	}
	return string(data)
}

func (r *rig) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file(), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func mayUse(s *Store, fingerprint string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.MayUse(ctx, keys.Info{Fingerprint: fingerprint, Name: "work"}); err != nil {
		return err.Error()
	}
	return ""
}

func TestAKeyIsRefusedFromItsExpiryOn(t *testing.T) {
	r := newRig(t)
	s := r.open()
	r.change(s, work, keys.Claim{Owner: "anna", Expires: noon.Add(time.Hour)})
	if why := mayUse(s, work); why != "" {
		t.Errorf("before: %s", why)
	}
	r.now = noon.Add(time.Hour)
	if why := mayUse(s, work); !strings.HasPrefix(why, "the key work expired on 2026-11-27 ") {
		t.Errorf("after: %q", why)
	}
	if why := mayUse(s, home); why != "" {
		t.Errorf("another key: %s", why)
	}
	// Set back, the clock brings nothing back, after a restart neither.
	r.now = noon
	for _, s := range []*Store{s, r.open()} {
		if why := mayUse(s, work); !strings.Contains(why, "expired") {
			t.Errorf("the clock was set back: %q", why)
		}
	}
}

// What another program writes to the file does not count.
func TestTheLogHoldsAgainstTheFile(t *testing.T) {
	expired := keys.Claim{Owner: "anna", Expires: noon.Add(-time.Hour)}
	for name, c := range map[string]struct {
		tamper func(r *rig, old string)
		says   string
	}{
		"longer":              {func(r *rig, old string) { r.write(strings.Replace(old, "2026", "2099", 1)) }, "were not those of the audit log"},
		"an old one":          {func(r *rig, old string) { r.write(r.was) }, "were not those of the audit log"},
		"gone":                {func(r *rig, _ string) { os.Remove(r.file()) }, "were not those of the audit log"},
		"empty":               {func(r *rig, _ string) { r.write("") }, "cannot be read"},
		"a field of its own":  {func(r *rig, old string) { r.write(strings.Replace(old, `"owner"`, `"grant"`, 1)) }, "cannot be read"},
		"hostile text":        {func(r *rig, old string) { r.write(strings.Replace(old, "anna", `a\u001b[2J`, 1)) }, "cannot be read"},
		"open to others":      {func(r *rig, _ string) { os.Chmod(r.file(), 0o666) }, "cannot be read"},
		"its twin, as it was": {func(r *rig, old string) { r.write(old) }, ""},
	} {
		for _, long := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t)
				s := r.open()
				r.change(s, work, keys.Claim{Owner: "anna"})
				r.was = r.read()
				r.change(s, work, expired)
				if long {
					if testing.Short() {
						t.Skip("a long log")
					}
					r.fill()
				}
				c.tamper(r, r.read())
				s = r.open()
				noted := ""
				s.Check(t.Context(), func(why, digest string) { noted = why })
				if why := mayUse(s, work); !strings.Contains(why, "expired") {
					t.Errorf("it may be used: %q", why)
				}
				says := ""
				if err := s.Fault(); err != nil {
					says = err.Error()
				}
				if !strings.Contains(says, c.says) || c.says == "" && says != "" || c.says != "" && noted != says {
					t.Errorf("it says %q, noted %q", says, noted)
				}
				if again := r.open(); !long && again.Fault() != nil {
					t.Errorf("the file was not mended: %v", again.Fault())
				}
			})
		}
	}
}

// A key that only the file knows keeps its claim: older months were put away.
func TestTheFileHoldsWithoutALog(t *testing.T) {
	r := newRig(t)
	r.write(`{"claims":{"` + work + `":{"expires":"2026-11-01T00:00:00Z"}}}`)
	s := r.open()
	if why := mayUse(s, work); !strings.Contains(why, "expired") {
		t.Errorf("%q", why)
	}
	if err := s.Fault(); err == nil || !strings.Contains(err.Error(), "the audit log knows nothing of 1 claim in") {
		t.Errorf("%v", err)
	}
}

// Until a long log was read, no key is used.
func TestMayUseWaitsForTheCheck(t *testing.T) {
	r := newRig(t)
	r.fill()
	s := r.open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.MayUse(ctx, keys.Info{Fingerprint: work}); err == nil {
		t.Error("it does not wait")
	}
	s.Check(t.Context(), func(string, string) {})
	if why := mayUse(s, work); why != "" {
		t.Errorf("after the check: %s", why)
	}
}

func TestChangeIsOfWhatWasSeen(t *testing.T) {
	r := newRig(t)
	s := r.open()
	r.change(s, work, keys.Claim{Owner: "anna"})
	err := s.Change(work, keys.Claim{}, keys.Claim{Owner: "eve"}, func(string) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "another program meanwhile") || s.Claim(work).Owner != "anna" {
		t.Errorf("%v, %+v", err, s.Claim(work))
	}
	broken := os.ErrInvalid
	if err := s.Change(work, s.Claim(work), keys.Claim{}, func(string) error { return broken }); err != broken || s.Claim(work).Owner != "anna" {
		t.Errorf("without its record: %v, %+v", err, s.Claim(work))
	}
}
