package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/crypto/ssh"
)

// maxLogName bounds a program's name in the daemon's own log.
const maxLogName = 64

// refusal is why a request was not done and what a person can do about it.
type refusal struct{ reason, remedy, rule string }

// Error gives the reason.
func (r refusal) Error() string { return r.reason }

// Remedy is what a person can do about it (see package problem).
func (r refusal) Remedy() string { return r.remedy }

// refused makes a refusal of an error of another part. remedy is for one that has none.
func refused(err error, remedy string) refusal {
	what, nearer := platform.Explain(err)
	return refusal{reason: what, remedy: cmp.Or(nearer, remedy)}
}

// by names the rule that the refusal goes back to.
func (r refusal) by(rule string) refusal {
	r.rule = rule
	return r
}

func noSuchKey(blob []byte) refusal {
	public, _ := publickey.Parse(blob)
	return refusal{reason: "there is no key " + nameOf(public), remedy: "see which there are: keybroker keys list"}
}

// nameOf is the fingerprint of a key that a request names; nil: of one that
// cannot be read.
func nameOf(public ssh.PublicKey) string {
	if public == nil {
		return "of an unreadable type"
	}
	return ssh.FingerprintSHA256(public)
}

func noRecord(err error) refusal {
	return refused(fmt.Errorf("the audit log cannot be written: %w", err), "make room on its disk, or see: keybroker doctor; no signature leaves without its record")
}

// refuse records the refusal and returns the failure byte. The request is refused
// even if the record cannot be written.
func (s *session) refuse(use *keys.Use, err error) wire.Reply {
	return s.server.refuse(use, err)
}

func (s *Server) refuse(use *keys.Use, err error) wire.Reply {
	var why refusal
	if !errors.As(err, &why) {
		why = refused(err, "")
	}
	record := audit.FromUse(use)
	record.Decision, record.Reason, record.Rule, record.Remedy = audit.Refused, why.reason, why.rule, why.remedy
	s.refusals.add(s.writeOrCount(use, record))
	return wire.Failure
}

// writeOrCount writes or counts a record that a client can cause without limit.
func (s *Server) writeOrCount(use *keys.Use, record audit.Record) kept {
	one := kept{record: record, kind: kindOf(use, &record)}
	one.record.Time = use.Time
	if !s.repeats.admit(one.kind, one.record, use.Time, s.writeCount) {
		one.counted = true
		return one
	}
	written, err := s.write(record)
	if err != nil {
		s.Log.Error("a record could not be written to the audit log", "error", err, "decision", record.Decision, "reason", record.Reason)
		return one
	}
	one.record = written
	return one
}

// writeCount writes a record that stands for many.
func (s *Server) writeCount(record audit.Record) {
	if _, err := s.write(record); err != nil {
		s.Log.Error("a count of records could not be written to the audit log", "error", err, "count", record.Repeats)
	}
}

// refuseUser turns away another user's connection.
func (s *Server) refuseUser(peer platform.Peer) {
	s.refuse(s.newUse(keys.OpConnect, peer), refusal{reason: fmt.Sprintf("user %s may not use this agent", peer.User),
		remedy: "each user runs their own agent"})
}

// record records what is about to be done. If it fails, the caller must not do it.
func (s *session) record(use *keys.Use, decision, reason, rule string) error {
	return s.server.record(use, decision, reason, rule)
}

func (s *session) recordSignature(use *keys.Use, permission policy.Decision) error {
	record := audit.FromUse(use)
	record.Decision, record.Reason, record.Rule, record.Grant = audit.Allowed, permission.Why, permission.Rule, permission.Grant
	_, err := s.server.writeBy(record, func(record audit.Record) (audit.Record, error) {
		return s.server.recording.writeHere(record, func() { s.giveUp(use) })
	})
	return err
}

// giveUp refuses a signature whose record hangs: its worker hangs too, so that the
// connection ends instead of an answer.
func (s *session) giveUp(use *keys.Use) {
	record := audit.FromUse(use)
	why := noRecord(s.server.recording.tooLate())
	record.Decision, record.Reason, record.Remedy = audit.Refused, why.reason, why.remedy
	s.server.refusals.add(kept{record: record, kind: kindOf(use, &record)})
	s.hangUp()
}

func (s *Server) record(use *keys.Use, decision, reason, rule string) error {
	record := audit.FromUse(use)
	record.Decision, record.Reason, record.Rule = decision, reason, rule
	_, err := s.write(record)
	return err
}

// write appends to the audit log and remembers whether that works. On a disk
// that is almost full a small record may still fit, so only a signature's
// record shows that all is well again.
func (s *Server) write(record audit.Record) (audit.Record, error) {
	return s.writeBy(record, s.recording.write)
}

func (s *Server) writeBy(record audit.Record, write func(audit.Record) (audit.Record, error)) (audit.Record, error) {
	if record.Rules == "" && changesTheBroker(record.Op) {
		record.Rules = s.Rules().Digest()
	}
	if record.Claims == "" && s.Claims != nil && (changesTheBroker(record.Op) || record.Op == keys.OpEnd || record.Op == keys.OpKeys) {
		record.Claims = s.Claims.Digest()
	}
	written, err := write(record)
	s.tell(record)
	switch {
	case err != nil:
		s.auditErr.Store(&err)
	case record.Op == keys.OpSign && s.auditErr.Load() != nil:
		s.auditErr.Store(nil)
	}
	if err == nil && s.Written != nil {
		s.Written(written)
	}
	return written, err
}

// tell writes the record to the daemon's own log: every record at debug level, and
// refusals at info level where there is no audit log to look them up in.
func (s *Server) tell(record audit.Record) {
	level := slog.LevelDebug
	if record.Decision == audit.Refused && s.Audit.Discards() {
		level = slog.LevelInfo
	}
	if !s.Log.Enabled(context.Background(), level) {
		return
	}
	attrs := []any{"decision", record.Decision, "reason", record.Reason, "remedy", record.Remedy}
	if record.Purpose != nil {
		attrs = append(attrs, "purpose", string(record.Purpose.Kind))
	}
	if record.Peer != nil {
		attrs = append(attrs, "program", platform.Escape(record.Peer.Program, maxLogName), "pid", record.Peer.PID)
	}
	if record.Key != nil {
		attrs = append(attrs, "key", record.Key.Fingerprint)
	}
	s.Log.Log(context.Background(), level, "request: "+string(record.Op), attrs...)
}

// AuditErr is why the last record could not be written, or nil.
func (s *Server) AuditErr() error {
	if err := s.auditErr.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *session) newUse(op keys.Op) *keys.Use {
	use := s.server.newUse(op, s.peer)
	use.Socket = s.socket
	return use
}

func (s *Server) newUse(op keys.Op, peer platform.Peer) *keys.Use {
	return &keys.Use{ID: newID(), Op: op, Peer: peer, Time: s.Now()}
}

// newID returns a short name for a request, unique enough among the records that
// a person looks at.
func newID() string { return rand.Text()[:8] }
