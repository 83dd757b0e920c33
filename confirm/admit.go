package confirm

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/agent/wire"
)

var errTooMany = errors.New("too many requests")

// same are the facts that make two requests one question to the person. The
// process is one of them: an answer is never shared between programs.
type same struct {
	op            keys.Op
	key           string
	user, exe     string
	pid           int
	start         uint64
	kind          wire.Kind
	account       string
	namespace     string
	trust         keys.Trust
	host, claimed string
	forwarded     bool
	hops          string
	digest        [sha256.Size]byte
	remember      time.Duration
	burst         Burst
}

// sameAnswer returns what equal questions have in common, or nil for one that
// must be asked on its own: of a program that cannot be told from others.
func sameAnswer(q Question) any {
	u := q.Use
	if u == nil || !u.Peer.Identified || u.Peer.PID == 0 || u.Peer.Start == 0 {
		return nil
	}
	s := same{
		op: u.Op, key: string(u.Key.Blob),
		user: u.Peer.User, exe: u.Peer.Executable, pid: u.Peer.PID, start: u.Peer.Start,
		kind: u.Purpose.Kind, account: u.Purpose.User, namespace: u.Purpose.Namespace,
		trust: u.Destination.Trust, host: u.Destination.Host.Fingerprint, claimed: u.Destination.Claimed,
		forwarded: u.Destination.Forwarded, digest: u.Digest, remember: q.Remember,
	}
	if q.Burst != nil {
		s.burst = *q.Burst
	}
	var hops []string
	for _, hop := range u.Destination.Hops {
		hops = append(hops, hop.Fingerprint)
	}
	s.hops = strings.Join(hops, " ")
	if u.Purpose.Kind == wire.KindLogin && u.Destination.Trust == keys.TrustVerified {
		// Each login signs another session id; the person is told the host
		// and the account, and those are the same.
		s.digest = [sha256.Size]byte{}
	}
	return s
}

// admitLocked refuses a prompt for which there is no room.
func (q *Queue) admitLocked(use *keys.Use, now time.Time) error {
	all := q.allLocked()
	if len(all) >= MaxWaiting {
		return fmt.Errorf("%w wait: %d", errTooMany, len(all))
	}
	own := 0
	for _, p := range all {
		if processOf(p.use) == processOf(use) {
			own++
		}
	}
	if own >= MaxPerProcess {
		return fmt.Errorf("%w wait: %d of %s", errTooMany, own, program(use))
	}
	return q.flood.admit(use, now, q.log)
}

// Waiting is one prompt that is shown or waits.
type Waiting struct {
	ID      string
	Title   string // escaped: "Log in to github.com?"
	Program string // escaped: "ssh ← git ← zsh"
	PID     int
	Since   time.Time
	Held    bool // it is asked when it is brought up: see Show
}

// Waiting lists the prompts in their order, the held ones last. The first one
// that is not held is shown.
func (q *Queue) Waiting() []Waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := make([]Waiting, 0, len(q.pending)+len(q.held))
	for i, p := range q.allLocked() {
		w := Waiting{ID: p.id, Title: p.title, Held: i >= len(q.pending), Program: "keybroker", Since: p.since}
		if p.use != nil {
			w.Program, w.PID = foreign(p.use.Peer.Chain(), maxLong), p.use.Peer.PID
		}
		list = append(list, w)
	}
	return list
}
