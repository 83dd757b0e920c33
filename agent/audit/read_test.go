package audit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
)

func TestFilter(t *testing.T) {
	dir := t.TempDir()
	c := november()
	l := open(t, dir, c)
	add := func(change func(*Record)) Record {
		r := FromUse(testUse())
		r.Decision = Allowed
		change(&r)
		r, err := l.Append(r)
		must(t, err)
		return r
	}
	add(func(r *Record) { r.ID = "a" })
	second := add(func(r *Record) {
		r.ID, r.Key.Name, r.Key.Fingerprint, r.Decision = "b", "home", "SHA256:home", Refused
	})
	third := add(func(r *Record) { r.ID, r.Peer.Program, r.Peer.Exe = "c", "scp", "/opt/bin/scp" })
	add(func(r *Record) { r.ID, r.Destination.Host = "d", keys.Host{Fingerprint: "SHA256:other"} })
	add(func(r *Record) {
		r.ID, r.Op, r.Destination = "e", keys.OpList, &keys.Destination{Trust: keys.TrustClaimed, Claimed: "said.example"}
	})
	add(func(r *Record) { *r = Record{ID: "f", Decision: Note} })

	tests := []struct {
		name   string
		filter Filter
		want   string
	}{
		{"all", Filter{}, "a b c d e note"},
		{"since", Filter{Since: second.Time}, "b c d e note"},
		{"until", Filter{Until: second.Time}, "a"},
		{"since and until", Filter{Since: second.Time, Until: third.Time}, "b"},
		{"key by name", Filter{Key: "home"}, "b"},
		{"key by fingerprint", Filter{Key: "SHA256:abc/def"}, "a c d e"},
		{"key by pattern", Filter{Key: "SHA256:a*f"}, "a c d e"},
		{"host", Filter{Host: "git.example.com"}, "a b c"},
		{"host by pattern", Filter{Host: "*.example*"}, "a b c e"},
		{"keys of a list", Filter{Key: "home,SHA256:o*"}, "b"},
		{"keys that are not excepted", Filter{Key: "*,!home"}, "a c d e"},
		{"host in upper case", Filter{Host: "GIT.example.com"}, "a b c"},
		{"hosts that are not excepted", Filter{Host: "*,!git.example.com"}, "d e"},
		{"programs that are not excepted", Filter{Program: "*,!scp"}, "a b d e"},
		{"programs that are not excepted by path", Filter{Program: "*,!/opt/*"}, "a b d e"},
		{"host by fingerprint", Filter{Host: "SHA256:other"}, "d"},
		{"program", Filter{Program: "scp"}, "c"},
		{"program by path", Filter{Program: "/opt/*"}, "c"},
		{"decision", Filter{Decision: Refused}, "b"},
		{"ops", Filter{Ops: []keys.Op{keys.OpList, keys.OpAdd}}, "e"},
		{"not ops", Filter{NotOps: []keys.Op{keys.OpSign}}, "e note"},
		{"ids", Filter{IDs: []string{"d", "a", "x"}}, "a d"},
		{"last", Filter{Last: 2}, "e note"},
		{"last that match", Filter{Last: 2, Host: "git.example.com"}, "b c"},
		{"more than there are", Filter{Last: 100}, "a b c d e note"},
		{"none", Filter{Key: "x"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ids(read(t, dir, test.filter)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestReadOverMonths(t *testing.T) {
	dir := t.TempDir()
	threeMonths(t, dir)
	must(t, os.WriteFile(filepath.Join(dir, "audit-2026-10.jsonl.bak"), []byte("x\n"), fileMode))
	must(t, os.WriteFile(filepath.Join(dir, "audit-notes.jsonl"), []byte("x\n"), fileMode))
	if got := ids(read(t, dir, Filter{})); got != "r1 r2 r3 r4 r5 r6 r7 r8 r9" {
		t.Errorf("got %s", got)
	}
	if got := ids(read(t, dir, Filter{Last: 5})); got != "r5 r6 r7 r8 r9" {
		t.Errorf("last 5: %s", got)
	}
	for r := range Read(dir, Filter{}) {
		if r.ID != "r1" {
			t.Errorf("went on to %s", r.ID)
		}
		break
	}
}

// A wrong line is named, and the lines after it can still be read.
func TestReadWrongLine(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 3)
	path := filepath.Join(dir, novemberFile)
	must(t, os.WriteFile(path, []byte(strings.Replace(string(contents(t, path)), `"r2"`, `"rx"`, 1)), fileMode))
	var good, bad []string
	for r, err := range Read(dir, Filter{}) {
		if err != nil {
			bad = append(bad, err.Error())
			continue
		}
		good = append(good, r.ID)
	}
	want := path + ":2: it was changed: its hash does not fit its contents"
	if fmt.Sprint(good) != "[r1 r3]" || len(bad) != 1 || bad[0] != want {
		t.Errorf("good %v, bad %q, want %q", good, bad, want)
	}
	if _, err := Usage(t.Context(), dir); err == nil || err.Error() != want {
		t.Errorf("usage: %v", err)
	}
}

// Follow yields each record once and in order, over the end of a month, and even if it
// reads a half-written record.
func TestFollow(t *testing.T) {
	dir := t.TempDir()
	c := november()
	l := open(t, dir, c)
	mustAppend(t, l, "r1")
	mustAppend(t, l, "r2")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan string)
	go func() {
		defer close(got)
		for r, err := range Follow(ctx, dir, Filter{Last: 1}) {
			if err != nil {
				t.Error(err)
			}
			got <- r.ID
		}
	}()
	expect := func(want string) {
		t.Helper()
		if id := <-got; id != want {
			t.Errorf("got %s, want %s", id, want)
		}
	}
	expect("r2")
	mustAppend(t, l, "r3")
	expect("r3")
	mustAppend(t, l, "r4")
	c.set(time.Date(2026, 12, 5, 0, 0, 0, 0, time.UTC))
	mustAppend(t, l, "r5")
	expect("r4")
	expect("r5")

	path := l.Head().File
	l.Close()
	size := len(contents(t, path))
	other := t.TempDir() // make the next line elsewhere, to write it in two halves
	must(t, os.CopyFS(other, os.DirFS(dir)))
	mustAppend(t, open(t, other, c), "r6")
	line := string(contents(t, filepath.Join(other, filepath.Base(path)))[size:])
	appendTo(t, path, line[:40])
	time.Sleep(2 * pollInterval) // it looks at the half; a late look passes as well
	appendTo(t, path, line[40:])
	expect("r6")
	cancel()
	if id, more := <-got; more {
		t.Errorf("got %s after the end", id)
	}
}

func TestFollowOnlyNew(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, november())
	mustAppend(t, l, "old")
	next := make(chan string)
	started := make(chan struct{})
	go func() {
		// The first record shows that Follow has started, so write until then.
		close(started)
		for r := range Follow(t.Context(), dir, Filter{Decision: Allowed}) {
			next <- r.ID
			return
		}
	}()
	<-started
	for {
		mustAppend(t, l, "new")
		select {
		case id := <-next:
			if id != "new" {
				t.Errorf("got %s", id)
			}
			return
		case <-time.After(pollInterval):
		}
	}
}

func TestFollowEmptyDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	next := make(chan string)
	go func() {
		for r, err := range Follow(t.Context(), dir, Filter{}) {
			if err != nil {
				t.Error(err)
			}
			next <- r.ID
			return
		}
	}()
	l := open(t, dir, november())
	for {
		mustAppend(t, l, "first")
		select {
		case <-next:
			return
		case <-time.After(pollInterval):
		}
	}
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, november())
	add := func(change func(*Record)) Record {
		r := FromUse(testUse())
		r.Decision = Allowed
		change(&r)
		r, err := l.Append(r)
		must(t, err)
		return r
	}
	first := add(func(*Record) {})
	nameless := add(func(r *Record) { r.Destination.Host = keys.Host{Fingerprint: "SHA256:nameless"} })
	claimed := add(func(r *Record) { r.Destination = &keys.Destination{Trust: keys.TrustClaimed, Claimed: "said"} })
	last := add(func(r *Record) { r.Peer.Program = "git" })
	add(func(r *Record) { r.Decision = Refused })
	add(func(r *Record) { r.Op = keys.OpList })
	add(func(r *Record) { r.Key = &Key{Fingerprint: "SHA256:other"} })
	add(func(r *Record) { r.Key = nil })

	usage, err := Usage(t.Context(), dir)
	must(t, err)
	got := usage["SHA256:abc/def"]
	if n := len(got.Watched); n != 1 || !got.Watched[0].Since.Equal(first.Time) || got.Watched[0].Until.Before(last.Time) {
		t.Errorf("watched %+v", got.Watched)
	}
	got.Watched = nil
	one := func(key, host string, a, b Record, n int) UsePlace {
		return UsePlace{HostKey: key, Host: host, User: "git", First: a.Time, Last: b.Time, Count: n}
	}
	want := KeyUsage{First: first.Time, Last: last.Time, Count: 4, Hosts: []string{"SHA256:nameless", "git.example.com"}, Users: []string{"git"}, Programs: []string{"git", "ssh"},
		Places: []UsePlace{one("SHA256:host", "git.example.com", first, last, 2), one("", "", claimed, claimed, 1), one("SHA256:nameless", "SHA256:nameless", nameless, nameless, 1)}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if len(usage) != 2 || usage["SHA256:other"].Count != 1 {
		t.Errorf("got %+v", usage)
	}
}
