package inventory

import (
	"bufio"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

// The log of sshd: who was let in by which key (sshd's auth.c, auth2-pubkey.c). Lines
// count only from sshd itself, but on many systems every local user can write lines
// that look so.

const (
	// maxLogBytes bounds what is read of the log of one host, from its end.
	maxLogBytes = 64 << 20
	// maxLogLine bounds one line; a longer one is passed over.
	maxLogLine = 16 << 10
	// maxLogUses bounds the different uses that one log can name: key, account and address.
	maxLogUses = 100_000
)

var (
	// logHead is what syslog writes before the message: RFC 3339, or RFC 3164's time without a year.
	logHead = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) \S+ ([\w./-]+)\[(\d+)\]: (.*)$`)
	// logAccepted is at LogLevel INFO.
	logAccepted = regexp.MustCompile(`^Accepted publickey for (\S+) from (\S+) port \d+ ssh2: \S+ (SHA256:[A-Za-z0-9+/]{43})(?: |$)`)
)

// serverLog is what one log of sshd shows.
type serverLog struct {
	own          ownLogin
	sawOwn       bool // the log has the login of this run: others are in it, too
	uses         map[logUse]*lifecycle.Sighting
	since, until time.Time // of the lines that were read; zero: none had a time
	full         bool      // maxLogUses was reached
}

type logUse struct{ fingerprint, account, from string }

// ownLogin is the login of this run, which is no use of the key.
type ownLogin struct {
	fingerprint string // "": no key, or not known
	account     string
	since       time.Time
}

// is reports whether a line is about this login. A time without a zone is off by a
// multiple of 15 minutes.
func (o ownLogin) is(use logUse, at time.Time, exact bool) bool {
	if use.account != o.account || o.fingerprint != "" && use.fingerprint != o.fingerprint {
		return false
	}
	const step, slack = 15 * time.Minute, 5 * time.Second // the clocks need not agree
	late := at.Sub(o.since.Add(-slack))
	if exact {
		return late >= 0
	}
	return late.Abs() < 27*time.Hour && (late%step+step)%step < min(time.Since(o.since)+2*slack, step)
}

// read reads lines until the end of the log. until is when the log was last
// changed: RFC 3164's times have no year, and take the latest that is not after it.
func (l *serverLog) read(r io.Reader, until time.Time) error {
	if l.uses == nil {
		l.uses = map[logUse]*lifecycle.Sighting{}
	}
	lines := bufio.NewReaderSize(r, maxLogLine)
	for {
		line, err := lines.ReadSlice('\n')
		if err == bufio.ErrBufferFull { // too long for sshd: pass over it
			for err == bufio.ErrBufferFull {
				_, err = lines.ReadSlice('\n')
			}
			line = nil
		}
		l.line(strings.TrimRight(string(line), "\r\n"), until)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (l *serverLog) line(line string, until time.Time) {
	head := logHead.FindStringSubmatch(line)
	if head == nil {
		return
	}
	at, ok := logTime(head[1], until)
	if !ok {
		return
	}
	if l.since.IsZero() || at.Before(l.since) {
		l.since = at
	}
	if at.After(l.until) {
		l.until = at
	}
	// sshd-session since OpenSSH 9.8
	if program := head[2]; program != "sshd" && program != "sshd-session" {
		return
	}
	if use := logAccepted.FindStringSubmatch(head[4]); use != nil {
		l.use(logUse{use[3], use[1], use[2]}, at, strings.Contains(head[1], "T"))
	}
}

func (l *serverLog) use(use logUse, at time.Time, exact bool) {
	if l.own.is(use, at, exact) {
		l.sawOwn = true
		return
	}
	seen := l.uses[use]
	if seen == nil {
		if l.full = len(l.uses) >= maxLogUses; l.full {
			return
		}
		seen = &lifecycle.Sighting{Source: lifecycle.FromServer, Fingerprint: use.fingerprint, Account: use.account, From: use.from, First: at, Last: at}
		l.uses[use] = seen
	}
	seen.Count++
	if at.Before(seen.First) {
		seen.First = at
	}
	if at.After(seen.Last) {
		seen.Last = at
	}
}

// logTime reads a time of syslog. RFC 3164's is the server's local time, which is taken
// for UTC: it is wrong by hours at most.
func logTime(text string, until time.Time) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at.UTC(), true
	}
	at, err := time.Parse("Jan _2 15:04:05", text)
	if err != nil {
		return time.Time{}, false
	}
	const slack = 24 * time.Hour // the server's zone
	at = at.AddDate(until.Year(), 0, 0)
	if at.After(until.Add(slack)) {
		at = at.AddDate(-1, 0, 0)
	}
	return at, true
}

// sightings are the uses and the stretch that the log covers, for host.
func (l *serverLog) sightings(host lifecycle.Host) (list []lifecycle.Sighting, watch lifecycle.Watch, covers bool) {
	for _, seen := range l.uses {
		seen.Host = host
		list = append(list, *seen)
	}
	return list, lifecycle.Watch{Source: lifecycle.FromServer, Host: host, Since: l.since, Until: l.until}, l.sawOwn && !l.full
}
