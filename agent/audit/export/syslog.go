package export

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/agent/audit"
)

const (
	// authpriv is the facility for security messages (RFC 5424 section 6.2.1).
	authpriv = 10
	// syslogTime has the six decimals that RFC 5424 section 6.2.3 allows.
	syslogTime = "2006-01-02T15:04:05.000000Z"
	// Limits of RFC 5424 section 6.
	maxHostname = 255
	maxSequence = 1<<31 - 1
)

// parameter escapes a value of structured data (RFC 5424 section 6.3.3).
var parameter = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)

// syslog writes one message of RFC 5424 on a line of its own (RFC 6587 section 3.4.2).
func (s Source) syslog(r audit.Record) ([]byte, error) {
	f := factsOf(r)
	text := fmt.Sprintf("<%d>1 %s %s keybroker - %s ", authpriv*8+severity(r), r.Time.UTC().Format(syslogTime), headerText(s.Host, maxHostname), headerText(f.op, 32))
	text += s.structured(r, f) + " "
	message := f.message()
	if strings.ContainsFunc(message, func(c rune) bool { return c > 0x7f }) {
		text += "\ufeff" // section 6.4: a message in UTF-8 begins with it
	}
	return []byte(text + message), nil
}

// structured is the structured data: the number of the record as sequenceId, and the facts.
func (s Source) structured(r audit.Record, f facts) string {
	text := ""
	if r.Seq <= maxSequence {
		text = "[meta sequenceId=\"" + f.seq + "\"]"
	}
	text += "[keybroker@" + strconv.Itoa(s.Enterprise)
	for _, p := range []struct{ name, value string }{
		{"seq", f.seq}, {"id", f.id}, {"decision", f.decision}, {"rule", f.rule}, {"grant", f.grant},
		{"key", f.key}, {"comment", f.comment}, {"fingerprint", f.fingerprint},
		{"uid", f.uid}, {"pid", f.pid}, {"program", f.program}, {"exe", f.exe}, {"socket", f.socket},
		{"purpose", f.purpose}, {"account", f.account}, {"trust", f.trust}, {"host", f.host}, {"forwarded", f.forwarded},
		{"step", f.step}, {"repeats", f.repeats}, {"hash", f.hash},
	} {
		if p.value != "" {
			text += " " + p.name + `="` + parameter.Replace(p.value) + `"`
		}
	}
	return text + "]"
}

// headerText is a field of the header: visible ASCII without spaces, or "-".
func headerText(text string, limit int) string {
	text = strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return -1
		}
		return c
	}, text)
	if text == "" {
		return "-"
	}
	return text[:min(len(text), limit)]
}
