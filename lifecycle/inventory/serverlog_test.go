package inventory

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

const (
	keyA = "SHA256:futAErjaYGKT077BZD5Rbz0j3jaQoRKhjRwUI9WogYQ"
	keyB = "SHA256:952MMtUm0oF4Vfse/+blAP9Ud1GIFf54bJ7t3tY/tHk"
)

func TestServerLog(t *testing.T) {
	run := time.Date(2026, 11, 27, 21, 0, 0, 0, time.UTC)
	text := strings.Join([]string{
		"2026-09-01T10:00:00.123456+02:00 web1 CRON[1]: pam_unix(cron:session): session opened",
		"2026-09-02T10:00:00+02:00 web1 sshd[77]: Accepted publickey for anna from 10.0.4.7 port 50000 ssh2: ED25519 " + keyA,
		"2026-09-03T10:00:00+02:00 web1 sshd-session[78]: Accepted publickey for anna from 10.0.4.7 port 50001 ssh2: ED25519-CERT " + keyA + " ID anna (serial 0) CA ED25519 " + keyB,
		"2026-09-04T10:00:00Z web1 sshd[79]: Accepted password for anna from 10.0.4.7 port 50001 ssh2",
		"2026-09-05T10:00:00Z web1 evil[79]: Accepted publickey for root from 6.6.6.6 port 1 ssh2: RSA " + keyB,
		"2026-09-06T10:00:00Z web1 sshd[79]: Failed publickey for root from 6.6.6.6 port 1 ssh2: RSA " + keyB,
		"2026-09-06T10:00:00Z web1 sshd[79]: Invalid user Accepted publickey for root from 6.6.6.6 port 1 ssh2: RSA " + keyB,
		strings.Repeat("x", 3*maxLogLine) + " sshd[1]: Accepted publickey for root from 6.6.6.6 port 1 ssh2: RSA " + keyB,
		"\x00\xff\x1b[31m",
		"2026-11-27T21:00:01Z web1 sshd[80]: Accepted publickey for anna from 10.0.4.9 port 1 ssh2: ED25519 " + keyA,
	}, "\n")
	log := serverLog{own: ownLogin{keyA, "anna", run}}
	if err := log.read(strings.NewReader(text), run); err != nil {
		t.Fatal(err)
	}
	sightings, watch, covers := log.sightings(lifecycle.Host{Name: "web1"})
	if len(sightings) != 1 || sightings[0].Count != 2 || sightings[0].From != "10.0.4.7" || sightings[0].Fingerprint != keyA ||
		!sightings[0].Last.Equal(time.Date(2026, 9, 3, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", sightings)
	}
	if !covers || !watch.Since.Equal(time.Date(2026, 9, 1, 8, 0, 0, 123456000, time.UTC)) {
		t.Errorf("%v %+v", covers, watch)
	}
}

// A log without the login of this run misses others, too: it proves no "unused".
func TestServerLogWithoutThisRunIsNoWatch(t *testing.T) {
	run := time.Date(2026, 11, 27, 21, 0, 0, 0, time.UTC)
	line := "2026-11-27T20:00:00Z web1 sshd[80]: Accepted publickey for anna from 10.0.4.9 port 1 ssh2: ED25519 " + keyA + "\n"
	for account, want := range map[string]bool{"anna": true, "root": false} {
		log := serverLog{own: ownLogin{keyA, account, run.Add(-2 * time.Hour)}}
		_ = log.read(strings.NewReader(line), run)
		if _, _, covers := log.sightings(lifecycle.Host{}); covers != want {
			t.Errorf("login as %s: covers %v", account, covers)
		}
	}
}

// RFC 3164's times have no year and no zone.
func TestServerLogTimesWithoutYear(t *testing.T) {
	until := time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"Jan  2 10:00:00": "2026-01-02T10:00:00Z", "Dec 31 23:59:59": "2025-12-31T23:59:59Z", "Jan  3 20:00:00": "2026-01-03T20:00:00Z"} {
		if at, ok := logTime(text, until); !ok || at.Format(time.RFC3339) != want {
			t.Errorf("%s: %s %v", text, at, ok)
		}
	}
	now := time.Now().UTC()
	own := ownLogin{keyA, "anna", now}
	for zone, want := range map[time.Duration]bool{0: true, 2 * time.Hour: true, -11 * time.Hour: true, 345 * time.Minute: true, 7 * time.Minute: false, 30 * time.Hour: false} {
		if got := own.is(logUse{keyA, "anna", "10.0.0.1"}, now.Add(zone+time.Second), false); got != want {
			t.Errorf("%s off: %v", zone, got)
		}
	}
}

// A log of any length takes little memory.
func TestServerLogOfManyUsesIsNoWatch(t *testing.T) {
	log := serverLog{own: ownLogin{keyA, "anna", time.Now()}}
	reader, writer := io.Pipe()
	go func() {
		for i := range maxLogUses + 10 {
			fmt.Fprintf(writer, "2026-09-02T10:00:00Z web1 sshd[77]: Accepted publickey for u%d from 10.0.4.7 port 50000 ssh2: ED25519 %s\n", i, keyB)
		}
		fmt.Fprintf(writer, "%s web1 sshd[77]: Accepted publickey for anna from 10.0.4.7 port 50000 ssh2: ED25519 %s\n", time.Now().Format(time.RFC3339), keyA)
		writer.Close()
	}()
	if err := log.read(reader, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, _, covers := log.sightings(lifecycle.Host{}); covers || len(log.uses) > maxLogUses || !log.sawOwn {
		t.Errorf("covers %v, %d uses", covers, len(log.uses))
	}
}

func FuzzServerLog(f *testing.F) {
	f.Add([]byte("Jan  2 10:00:00 web1 sshd[77]: Accepted publickey for anna from 10.0.4.7 port 50000 ssh2: ED25519 " + keyA))
	f.Add([]byte("Feb 29 10:00:00 web1 sshd[77]: x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		log := serverLog{own: ownLogin{"", "anna", time.Unix(rand.Int64N(1<<33), 0)}}
		if err := log.read(strings.NewReader(string(text)), time.Now()); err != nil {
			t.Error(err)
		}
	})
}
