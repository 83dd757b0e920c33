package export

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// maxValue bounds a value, in characters. It is above the limits of a record, so nothing
// is lost but what cannot be shown, which is escaped.
const maxValue = 2 * audit.MaxReason

// facts are the texts of a record that the formats have fields for. All are escaped: one
// line each.
type facts struct {
	seq, time, id, op, decision, rule, reason, remedy, grant string
	key, comment, fingerprint, keyType                       string
	uid, pid, program, exe, socket                           string
	purpose, account, trust, host, forwarded                 string
	digest, repeats, hash                                    string
	step                                                     string
}

func factsOf(r audit.Record) facts {
	var key audit.Key
	var peer audit.Peer
	var purpose wire.Purpose
	var destination keys.Destination
	set(&key, r.Key)
	set(&peer, r.Peer)
	set(&purpose, r.Purpose)
	set(&destination, r.Destination)
	f := facts{
		seq: strconv.FormatUint(r.Seq, 10), time: r.Time.Format(time.RFC3339Nano), id: r.ID, op: string(r.Op), decision: r.Decision,
		rule: r.Rule, reason: r.Reason, remedy: r.Remedy, grant: r.Grant,
		key: key.Name, comment: key.Comment, fingerprint: key.Fingerprint, keyType: key.Type,
		uid: peer.User, program: peer.Program, exe: peer.Exe, socket: r.Socket,
		purpose: purpose.String(), account: purpose.User, trust: string(destination.Trust), host: destination.Name(), forwarded: strconv.FormatBool(destination.Forwarded),
		digest: r.Digest, repeats: strconv.Itoa(max(r.Repeats, 1)), hash: r.Hash,
	}
	if peer.PID > 0 {
		f.pid = strconv.Itoa(peer.PID)
	}
	if r.Step != nil { // told by a command: no host proved anything
		f.host, f.account, f.trust = r.Step.Host, r.Step.Account, string(keys.TrustClaimed)
		f.step = r.Step.Plan + "/" + r.Step.Step + " " + r.Step.Kind
	}
	for _, text := range f.all() {
		*text = platform.Escape(*text, maxValue)
	}
	return f
}

// all are the fields, so that none is forgotten when they are escaped.
func (f *facts) all() []*string {
	return []*string{&f.seq, &f.time, &f.id, &f.op, &f.decision, &f.rule, &f.reason, &f.remedy, &f.grant,
		&f.key, &f.comment, &f.fingerprint, &f.keyType, &f.uid, &f.pid, &f.program, &f.exe, &f.socket,
		&f.purpose, &f.account, &f.trust, &f.host, &f.forwarded, &f.digest, &f.repeats, &f.hash, &f.step}
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// message is the record in one sentence, for people.
func (f facts) message() string {
	text := f.op + " " + f.decision
	if name := cmp.Or(f.key, f.comment, f.fingerprint); name != "" {
		text += ": key " + name
	}
	if f.account != "" || f.host != "" {
		text += " for " + f.account + "@" + cmp.Or(f.host, "?")
	}
	if program := cmp.Or(f.exe, f.program); program != "" {
		text += ", asked by " + program
	}
	if f.repeats != "1" {
		text += fmt.Sprintf(", %s times", f.repeats)
	}
	if f.reason != "" {
		text += ": " + f.reason
	}
	return text
}

// severity is that of syslog (RFC 5424 section 6.2.1).
func severity(r audit.Record) int {
	const warning, notice, info = 4, 5, 6
	switch {
	case r.Decision == audit.Refused:
		return warning
	case r.Decision == audit.Note || !slices.Contains([]keys.Op{keys.OpSign, keys.OpList, keys.OpBind}, r.Op):
		return notice
	}
	return info
}
