// Package checkpoint is a signed word about the audit log: at this time, its records up to
// this one were these. The text is for people, and ssh-keygen -Y verify checks the
// signature of it.
package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// Namespace of the signatures (PROTOCOL.sshsig section 2): one for anything else is none
// for a checkpoint.
const Namespace = "keybroker-checkpoint"

const (
	// maxName bounds the names in the text, in characters.
	maxName = 256
	// maxText bounds the text, in bytes.
	maxText = 4096
)

// Checkpoint is what is signed.
type Checkpoint struct {
	First   string    `json:"first"` // hash of record 1, which tells logs apart
	Seq     uint64    `json:"seq"`   // the last record
	Hash    string    `json:"hash"`  // of it: it stands for all records before, too
	Time    time.Time `json:"time"`  // in the signer's word, to the second
	Machine string    `json:"machine"`
	User    string    `json:"user"`
}

// New is a checkpoint of a log that was found whole. It is an error if there is no record.
func New(dir string, head audit.Head, now time.Time, machine, user string) (Checkpoint, error) {
	first, err := firstRecord(dir)
	if err == nil && head.Seq == 0 {
		err = errors.New("the audit log is empty")
	}
	name := func(text string) string { return strings.TrimSpace(platform.Escape(text, maxName)) }
	return Checkpoint{First: first, Seq: head.Seq, Hash: head.Hash, Time: now.UTC().Truncate(time.Second), Machine: name(machine), User: name(user)}, err
}

// firstRecord is the hash of record 1.
func firstRecord(dir string) (string, error) {
	for record, err := range audit.Read(dir, audit.Filter{}) {
		switch {
		case err != nil:
			return "", err
		case record.Seq != 1:
			return "", fmt.Errorf("the log begins with record %d: what was before it is missing", record.Seq)
		}
		return record.Hash, nil
	}
	return "", errors.New("the audit log is empty")
}

// form is the text, with what differs in parentheses.
const form = `keybroker audit log checkpoint, version 1

Whoever signs this says: at this time, the audit log began with this record,
ended with this one, and was whole in between.

first record: %s
last record: %d
hash: %s
time: %s
machine: %s
user: %s
`

// Text is what is signed.
func (c Checkpoint) Text() []byte {
	return fmt.Appendf(nil, form, c.First, c.Seq, c.Hash, c.Time.Format(time.RFC3339), c.Machine, c.User)
}

var textForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\nfirst record: ([0-9a-f]{64})\nlast record: ([1-9][0-9]{0,19})\nhash: ([0-9a-f]{64})\ntime: (\S+)\nmachine: (.*)\nuser: (.*)\n$`)
})

// Parse reads a text. Only what Text writes is one, to the byte.
func Parse(text []byte) (Checkpoint, error) {
	wrong := errors.New("it is not a checkpoint of an audit log that keybroker wrote")
	if len(text) > maxText {
		return Checkpoint{}, wrong
	}
	m := textForm().FindSubmatch(text)
	if m == nil {
		return Checkpoint{}, wrong
	}
	seq, badSeq := strconv.ParseUint(string(m[2]), 10, 64)
	at, badTime := time.Parse(time.RFC3339, string(m[4]))
	c := Checkpoint{First: string(m[1]), Seq: seq, Hash: string(m[3]), Time: at, Machine: string(m[5]), User: string(m[6])}
	if badSeq != nil || badTime != nil || !bytes.Equal(c.Text(), text) {
		return Checkpoint{}, wrong
	}
	return c, nil
}

// CheckLog returns an error unless the log in dir begins as the one that was signed.
func (c Checkpoint) CheckLog(dir string) error {
	first, err := firstRecord(dir)
	if err == nil && first != c.First {
		err = fmt.Errorf("it begins with another record than the log of user %s on %s that was signed: it was replaced, or is another one", platform.Escape(c.User, maxName), platform.Escape(c.Machine, maxName))
	}
	if err != nil {
		return problem.With(fmt.Errorf("the log in %s is not the one of the checkpoint: %w", dir, err), "before anything else, copy %s; give the checkpoint of this log, or verify the log where it was signed", dir)
	}
	return nil
}
