package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// TestMain lets a test start this binary as a writer, to kill it.
func TestMain(m *testing.M) {
	if dir := os.Getenv(stormVariable); dir != "" {
		storm(dir)
		return
	}
	code := m.Run()
	for _, dir := range indexedLogs {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// clock is a clock that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func november() *clock { return &clock{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func open(t testing.TB, dir string, c *clock) *Log {
	t.Helper()
	l, err := Open(Config{Dir: dir, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mustAppend(t testing.TB, l *Log, id string) Record {
	t.Helper()
	r, err := l.Append(Record{ID: id, Op: keys.OpSign, Decision: Allowed, Reason: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fill makes and closes a log of n records with the IDs r1, r2, ….
func fill(t testing.TB, dir string, n int) {
	t.Helper()
	l := open(t, dir, november())
	for i := range n {
		mustAppend(t, l, fmt.Sprintf("r%d", i+1))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustVerify(t testing.TB, dir string, witnessed ...Witnessed) Report {
	t.Helper()
	report, err := Verify(dir, witnessed...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func read(t testing.TB, dir string, f Filter) []Record {
	t.Helper()
	var list []Record
	for r, err := range Read(dir, f) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

func ids(list []Record) string {
	var text []string
	for _, r := range list {
		if r.Decision == Note {
			r.ID = "note"
		}
		text = append(text, r.ID)
	}
	return strings.Join(text, " ")
}

const novemberFile = "audit-2026-11.jsonl"

func testUse() *keys.Use {
	return &keys.Use{
		ID: "k7x2",
		Op: keys.OpSign,
		Peer: platform.Peer{
			User:       "1000",
			Process:    platform.Process{PID: 42, Name: "ssh", Executable: "/usr/bin/ssh", Args: []string{"ssh", "-o", "SECRET-ARGUMENT"}},
			Parents:    []platform.Process{{Name: "git", Args: []string{"SECRET-ARGUMENT"}}, {Name: "zsh"}},
			Terminal:   "pts/3",
			Identified: true,
		},
		Key:     keys.Info{Fingerprint: "SHA256:abc/def", Name: "work", Comment: "me@example.com", Source: "softkeys"},
		Purpose: wire.Purpose{Kind: wire.KindLogin, User: "git", Method: "publickey", SessionID: []byte("session")},
		Destination: keys.Destination{
			Trust: keys.TrustVerified,
			Host:  keys.Host{Fingerprint: "SHA256:host", Names: []string{"git.example.com"}},
		},
		Digest: [32]byte{0xab},
	}
}

func TestFromUse(t *testing.T) {
	r := FromUse(testUse())
	line, err := encode(new(bytes.Buffer), &r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"seq":0,"time":"0001-01-01T00:00:00Z","id":"k7x2","op":"sign","decision":"",` +
		`"key":{"fingerprint":"SHA256:abc/def","name":"work","comment":"me@example.com","source":"softkeys"},` +
		`"peer":{"user":"1000","pid":42,"program":"ssh","exe":"/usr/bin/ssh","chain":["git","zsh"],"terminal":"pts/3","identified":true},` +
		`"purpose":{"kind":"login","user":"git","method":"publickey"},` +
		`"destination":{"trust":"verified","host":{"fingerprint":"SHA256:host","names":["git.example.com"]}},` +
		`"digest":"ab` + strings.Repeat("0", 62) + `","prev":"","hash":"`
	if got := string(line); !strings.HasPrefix(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if strings.Contains(string(line), "SECRET") {
		t.Error("a command line is in the record")
	}
	list := testUse()
	list.Op = keys.OpList
	if r := FromUse(list); r.Digest != "" {
		t.Errorf("a list has the digest %s", r.Digest)
	}
	bare := FromUse(&keys.Use{Op: keys.OpLock})
	if bare.Key != nil || bare.Purpose != nil || bare.Destination != nil {
		t.Errorf("a use without a key: %+v", bare)
	}
}

// Text that another program chose can neither fill the log nor control a terminal that
// shows it.
func TestChosenText(t *testing.T) {
	u := testUse()
	hostile := "\x1b[2J\u009b31m\u202egnp\n\x7f\U000e0041\xff"
	long := strings.Repeat(hostile, 4096)
	u.Key.Comment, u.Key.Name, u.Peer.Name, u.Peer.Executable, u.Peer.Terminal = long, long, long, long, long
	u.Purpose.User, u.Purpose.Namespace, u.Purpose.Why = long, long, long
	u.Destination.Claimed, u.Destination.Why = long, long
	for range 1000 {
		u.Peer.Parents = append(u.Peer.Parents, platform.Process{Name: long})
		u.Destination.Hops = append(u.Destination.Hops, keys.Host{Names: []string{long, long}})
		u.Destination.Host.Names = append(u.Destination.Host.Names, long)
	}
	dir := t.TempDir()
	l := open(t, dir, november())
	r := FromUse(u)
	r.Decision, r.Reason, r.Rule = Allowed, long, long
	if _, err := l.Append(r); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, "next")
	data, err := os.ReadFile(filepath.Join(dir, novemberFile))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "\n"); n != 2 {
		t.Errorf("%d lines", n)
	}
	for _, bad := range []string{"\x1b", "\u009b", "\u202e", "\x7f", "\U000e0041", "\xff"} {
		if strings.Contains(string(data), bad) {
			t.Errorf("%q is in the file", bad)
		}
	}
	got := read(t, dir, Filter{})
	if !strings.HasPrefix(got[0].Key.Comment, "\x1b[2J\u009b31m\u202egnp\n\x7f\U000e0041") || len(got[0].Key.Comment) > MaxText+2*len(hostile) {
		t.Errorf("the comment came back as %q", got[0].Key.Comment)
	}
	if report := mustVerify(t, dir); report.Bad != nil {
		t.Error(report.Bad)
	}
}

func TestClip(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"short", "short"}, {"12345678", "12345678"}, {"123456789", "12345…"}, {"1234üüüü", "1234…"},
	} {
		if got := clip(test.in, 8); got != test.want {
			t.Errorf("clip(%q): got %q, want %q", test.in, got, test.want)
		}
	}
}

func TestAppendAndReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "audit")
	c := november()
	l := open(t, dir, c)
	if h := l.Head(); h.Seq != 0 || h.Hash != firstPrev {
		t.Errorf("head of an empty log: %+v", h)
	}
	first := mustAppend(t, l, "r1")
	second := mustAppend(t, l, "r2")
	if first.Seq != 1 || first.Prev != firstPrev || second.Seq != 2 || second.Prev != first.Hash {
		t.Errorf("first %+v\nsecond %+v", first, second)
	}
	if h := l.Head(); h.Seq != 2 || h.Hash != second.Hash || h.File != filepath.Join(dir, novemberFile) {
		t.Errorf("head: %+v", h)
	}
	l.Close()
	if _, err := l.Append(Record{}); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}

	l = open(t, dir, c)
	third := mustAppend(t, l, "r3")
	if third.Seq != 3 || third.Prev != second.Hash {
		t.Errorf("third %+v", third)
	}
	got := read(t, dir, Filter{})
	if ids(got) != "r1 r2 r3" || got[2].Hash != third.Hash || !got[2].Time.Equal(third.Time) || got[0].Reason != "a test" {
		t.Errorf("read %+v", got)
	}
	report := mustVerify(t, dir)
	if report.Bad != nil || report.Records != 3 || len(report.Files) != 1 || report.Head != l.Head() {
		t.Errorf("report %+v", report)
	}
}

func TestTwoWriters(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, november())
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Fatalf("the second writer: %v", err)
	}
	first.Close()
	open(t, dir, november())
}

func TestUnknownDurability(t *testing.T) {
	if _, err := Open(Config{Dir: t.TempDir(), Durability: "forever"}); err == nil || !strings.Contains(err.Error(), `unknown durability "forever"`) {
		t.Errorf("got %v", err)
	}
}

// Setting the clock back does not break the order of the months.
func TestMonthChange(t *testing.T) {
	dir := t.TempDir()
	c := november()
	l := open(t, dir, c)
	mustAppend(t, l, "november")
	c.set(time.Date(2026, 12, 1, 0, 30, 0, 0, time.FixedZone("east", 3600))) // still November in UTC
	mustAppend(t, l, "november-too")
	c.set(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	december := mustAppend(t, l, "december")
	c.set(time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC))
	mustAppend(t, l, "set-back")
	l.Close()
	l = open(t, dir, c)
	mustAppend(t, l, "reopened")

	if got := ids(read(t, dir, Filter{})); got != "november november-too december set-back reopened" {
		t.Errorf("got %s", got)
	}
	report := mustVerify(t, dir)
	if report.Bad != nil || len(report.Files) != 2 || report.Records != 5 {
		t.Errorf("report %+v", report)
	}
	data, _ := os.ReadFile(filepath.Join(dir, novemberFile))
	if n := strings.Count(string(data), "\n"); n != 2 {
		t.Errorf("%d records in November", n)
	}
	if got := ids(read(t, dir, Filter{Since: december.Time, Last: 9})); got != "december" {
		t.Errorf("since December: %s", got)
	}
}

func TestConcurrentAppends(t *testing.T) {
	for _, durability := range []Durability{Process, Power} {
		t.Run(string(durability), func(t *testing.T) {
			dir := t.TempDir()
			l, err := Open(Config{Dir: dir, Durability: durability})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var group sync.WaitGroup
			for i := range 8 {
				group.Go(func() {
					for j := range 25 {
						if _, err := l.Append(Record{ID: fmt.Sprintf("%d-%d", i, j), Decision: Refused}); err != nil {
							t.Error(err)
						}
						l.Head()
					}
				})
			}
			group.Wait()
			if report := mustVerify(t, dir); report.Bad != nil || report.Records != 200 || report.Head != l.Head() {
				t.Errorf("report %+v", report)
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	l, err := Open(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	u := testUse()
	b.ReportAllocs()
	for b.Loop() {
		r := FromUse(u)
		r.Decision, r.Reason, r.Rule = Allowed, `allowed by rule "git at work"`, "git at work"
		if _, err := l.Append(r); err != nil {
			b.Fatal(err)
		}
	}
}
