package export

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/keybroker/keybroker/agent/audit"
)

// RecordID is the MESSAGE_ID of exported records (systemd.journal-fields(7)).
const RecordID = "c5a16f2b3b2f4e0e9f4d6f2a8b71d0c4"

// journal writes one entry of the Journal Export Format, which systemd-journal-remote
// reads. The empty line that ends it is the newline that follows.
func (s Source) journal(r audit.Record) ([]byte, error) {
	f := factsOf(r)
	var out bytes.Buffer
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&out, "%s=%s\n", name, value) // one line: factsOf escapes it
		}
	}
	field("__REALTIME_TIMESTAMP", strconv.FormatInt(r.Time.UnixMicro(), 10))
	// The journal orders by it within a boot. The record's number has the order of the log.
	field("__MONOTONIC_TIMESTAMP", f.seq)
	field("_BOOT_ID", s.BootID)
	field("_HOSTNAME", s.Host)
	field("MESSAGE", f.message())
	field("MESSAGE_ID", RecordID)
	field("PRIORITY", strconv.Itoa(severity(r)))
	field("SYSLOG_FACILITY", strconv.Itoa(authpriv))
	field("SYSLOG_IDENTIFIER", "keybroker")
	for _, own := range []struct{ name, value string }{
		{"SEQ", f.seq}, {"ID", f.id}, {"OP", f.op}, {"DECISION", f.decision}, {"RULE", f.rule}, {"REASON", f.reason}, {"GRANT", f.grant},
		{"KEY", f.key}, {"COMMENT", f.comment}, {"FINGERPRINT", f.fingerprint},
		{"PEER_UID", f.uid}, {"PEER_PID", f.pid}, {"PEER_PROGRAM", f.program}, {"PEER_EXE", f.exe}, {"SOCKET", f.socket},
		{"PURPOSE", f.purpose}, {"ACCOUNT", f.account}, {"TRUST", f.trust}, {"HOST", f.host}, {"FORWARDED", f.forwarded},
		{"STEP", f.step}, {"REPEATS", f.repeats}, {"DIGEST", f.digest}, {"HASH", f.hash},
	} {
		field("KEYBROKER_"+own.name, own.value)
	}
	return out.Bytes(), nil
}
