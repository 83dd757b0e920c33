package export

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
)

// The escaping of the Common Event Format, version 0: pipes and backslashes in the header,
// equals signs and backslashes in the extension. Newlines are escaped already.
var (
	cefHeader    = strings.NewReplacer(`\`, `\\`, `|`, `\|`)
	cefExtension = strings.NewReplacer(`\`, `\\`, `=`, `\=`)
)

// cef writes one event. Each fact is in the field that the dictionary of CEF has for it,
// the others are in custom strings with labels.
func (s Source) cef(r audit.Record) ([]byte, error) {
	f := factsOf(r)
	event := strings.Join([]string{"CEF:0", "keybroker", "keybroker", cefHeader.Replace(s.Version), cefHeader.Replace(f.op + "-" + f.decision), cefHeader.Replace(cefName(r)), strconv.Itoa(cefSeverity(r))}, "|") + "|"
	outcome := map[string]string{audit.Allowed: "success", audit.Refused: "failure"}[r.Decision]
	repeats := ""
	if r.Repeats > 1 {
		repeats = f.repeats
	}
	var fields []string
	add := func(key, value string) {
		if value != "" {
			fields = append(fields, key+"="+cefExtension.Replace(value))
		}
	}
	custom := func(key, label, value string) {
		if value != "" {
			add(key+"Label", label)
			add(key, value)
		}
	}
	add("rt", strconv.FormatInt(r.Time.UnixMilli(), 10))
	add("externalId", f.seq)
	add("dvchost", s.Host)
	add("cat", f.op)
	add("act", f.decision)
	add("outcome", outcome)
	add("reason", f.reason)
	add("cnt", repeats)
	add("suid", f.uid)
	add("spid", f.pid)
	add("sproc", cmp.Or(f.exe, f.program))
	add("sourceServiceName", f.socket)
	add("duser", f.account)
	add("dhost", f.host)
	custom("cs1", "rule", f.rule)
	custom("cs2", "keyFingerprint", f.fingerprint)
	custom("cs3", "keyName", cmp.Or(f.key, f.comment))
	custom("cs4", "purpose", cmp.Or(f.step, f.purpose))
	custom("cs5", "destinationTrust", f.trust)
	custom("cs6", "recordHash", f.hash)
	custom("flexString1", "requestId", f.id)
	custom("flexString2", "grant", f.grant)
	add("msg", f.message())
	return []byte(event + strings.Join(fields, " ")), nil
}

// cefName names the event for people.
func cefName(r audit.Record) string {
	if r.Op == keys.OpSign {
		return "Use of an SSH key " + r.Decision
	}
	return "SSH agent: " + string(r.Op) + " " + r.Decision
}

// cefSeverity is from 0 to 10: low up to 3, medium up to 6.
func cefSeverity(r audit.Record) int {
	return map[int]int{4: 6, 5: 4, 6: 2}[severity(r)]
}
