// Package claims keeps what the person said of each key: owner, purpose, ticket and
// expiry. It keeps them in a file, for every program of the user can write to that, and
// holds the file against the audit log when the broker starts: each change is a record
// there. Where the two differ, the log counts (decision 0080).
package claims

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// ErrChanged means that the claim was changed by another program since it was read.
var ErrChanged = problem.New("what is said of the key was changed by another program meanwhile", "look, and try again: keybroker keys list --wide")

// maxTail is how much of the log's end Open searches for the digest of the claims, in a few
// milliseconds: some 20,000 records. Most starts find it in the record of the broker's end.
const maxTail = 16 << 20

// Config is what Open needs.
type Config struct {
	File     string // need not exist
	AuditDir string // of the log that holds the changes
	Now      func() time.Time
	// Expired is called when the broker finds for the first time that a key's time is
	// over. It writes that to the log, before the claim changes.
	Expired func(fingerprint string, claim keys.Claim, digest string) error
}

// Store holds the claims. Its methods may be called concurrently.
type Store struct {
	Config
	unread  error         // why the file could not be read, or nil
	checked chan struct{} // closed when the file was held against the log

	mu      sync.Mutex // guards the fields below
	claims  map[string]keys.Claim
	differs error // how the file differed from the log, or nil
	notKept error // why the file could not be written last, or nil
}

// Open reads the file and holds it against the log. In a long log whose end does not have
// the digest, Check does the rest.
func Open(c Config) *Store {
	s := &Store{Config: c, checked: make(chan struct{})}
	s.claims, s.unread = read(c.File)
	digest, whole, err := audit.LastClaims(context.Background(), c.AuditDir, maxTail)
	switch {
	case s.unread == nil && err == nil && digest == digestOf(s.claims):
		close(s.checked)
	case digest != "" || whole || err != nil:
		s.rebuild(context.Background())
	}
	return s
}

// Check ends the check of a long log, for which MayUse waits, and calls note with what a
// record should say about it: how the file differed, and the digest of what holds.
func (s *Store) Check(ctx context.Context, note func(why, digest string)) {
	late := s.Digest() == ""
	if late {
		s.search(ctx)
	}
	s.mu.Lock()
	why, digest := "the claims are those of the audit log", digestOf(s.claims)
	if s.differs != nil {
		why = s.differs.Error()
	}
	differs := s.differs != nil
	s.mu.Unlock()
	if (late || differs) && ctx.Err() == nil {
		note(why, digest)
	}
}

// search looks for the digest further back than Open did.
func (s *Store) search(ctx context.Context) {
	digest, _, err := audit.LastClaims(ctx, s.AuditDir, math.MaxInt64)
	if s.unread == nil && err == nil && digest == digestOf(s.claims) {
		close(s.checked)
		return
	}
	s.rebuild(ctx)
}

// rebuild takes what the log says of each key. A key that only the file knows keeps its
// claim, because the person may have put older months of the log away.
func (s *Store) rebuild(ctx context.Context) {
	logged, err := audit.Claims(ctx, s.AuditDir)
	if ctx.Err() != nil { // the broker ends; until then MayUse waits
		return
	}
	defer close(s.checked)
	s.mu.Lock()
	defer s.mu.Unlock()
	before, unknown := digestOf(s.claims), 0
	for fingerprint := range s.claims {
		if _, ok := logged[fingerprint]; !ok {
			unknown++
		}
	}
	for fingerprint, claim := range logged {
		if claim.IsZero() {
			delete(s.claims, fingerprint)
		} else {
			s.claims[fingerprint] = claim
		}
	}
	if why := s.whyDiffers(err, digestOf(s.claims) != before, unknown); why != "" {
		s.differs = problem.New(why, "see who changed what: keybroker log --op annotate; and whether the log is whole: keybroker log verify")
		s.keepLocked()
	}
}

// whyDiffers says how the file was not as it should be; "": it was.
func (s *Store) whyDiffers(unlogged error, changed bool, unknown int) string {
	switch {
	case unlogged != nil:
		return fmt.Sprintf("the claims in %s cannot be held against the audit log: %s", s.File, platform.Plain(unlogged))
	case s.unread != nil:
		return fmt.Sprintf("the claims in %s cannot be read (%s); those of the audit log hold", s.File, platform.Plain(s.unread))
	case changed:
		return fmt.Sprintf("the claims in %s were not those of the audit log: another program changed them, or the broker was killed; those of the log hold", s.File)
	case unknown > 0:
		return fmt.Sprintf("the audit log knows nothing of %s in %s: its older months were put away, or another program wrote them; they hold as they are", keys.Counted(unknown, "claim"), s.File)
	}
	return ""
}

// Claim returns what is said of a key.
func (s *Store) Claim(fingerprint string) keys.Claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims[fingerprint]
}

// All returns every claim by the key's fingerprint.
func (s *Store) All() map[string]keys.Claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.claims)
}

// Digest is the SHA-256 of all claims, in hex; "" while they are not checked.
func (s *Store) Digest() string {
	select {
	case <-s.checked:
	default:
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return digestOf(s.claims)
}

// Fault is what is wrong with the file, or nil.
func (s *Store) Fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.differs, s.notKept)
}

// MayUse returns why a key may not be used now, or nil. It waits for the check of the file.
func (s *Store) MayUse(ctx context.Context, key keys.Info) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	claim := s.Claim(key.Fingerprint)
	if !claim.HasExpired(s.Now()) {
		return nil
	}
	s.noteExpired(key.Fingerprint, claim)
	return Expired(key, claim)
}

// wait returns once the file was held against the log. It asks for ctx.Done only if it must
// wait: for a client's context that starts a goroutine, which watches the connection.
func (s *Store) wait(ctx context.Context) error {
	select {
	case <-s.checked:
		return nil
	default:
	}
	select {
	case <-s.checked:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Expired is the refusal of a key whose time is over.
func Expired(key keys.Info, claim keys.Claim) error {
	name := key.Name
	if name == "" {
		name = key.Fingerprint
	}
	return problem.With(fmt.Errorf("the key %s expired on %s", name, keys.ClaimTime(claim.Expires)),
		"use another key; or, to keep using this one: keybroker keys annotate %s --expires 180d", name)
}

// noteExpired remembers that the time of a key is over, so that it stays so when the clock
// is set back.
func (s *Store) noteExpired(fingerprint string, claim keys.Claim) {
	if !claim.Expired.IsZero() {
		return
	}
	next := claim
	next.Expired = s.Now().UTC().Truncate(time.Second)
	_ = s.Change(fingerprint, claim, next, func(digest string) error { return s.Expired(fingerprint, next, digest) })
}

// Change replaces a claim, if it still says what before says. record writes the change to
// the log, with the new digest of all claims, before it is in force.
func (s *Store) Change(fingerprint string, before, next keys.Claim, record func(digest string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.claims[fingerprint].Same(before) {
		return ErrChanged
	}
	claims := maps.Clone(s.claims)
	if next.IsZero() {
		delete(claims, fingerprint)
	} else {
		claims[fingerprint] = next
	}
	if len(claims) > maxClaims {
		return problem.With(fmt.Errorf("there are claims about %d keys already", maxClaims), "clear those of keys that are gone: keybroker keys annotate FINGERPRINT --clear all")
	}
	if err := record(digestOf(claims)); err != nil {
		return err
	}
	s.claims = claims
	s.keepLocked()
	return nil
}

// keepLocked writes the file. If that fails, the log has what is in force, and the next
// start of the broker takes it from there.
func (s *Store) keepLocked() {
	s.notKept = nil
	if err := write(s.File, s.claims); err != nil {
		s.notKept = problem.With(fmt.Errorf("what is said of keys cannot be kept: %w", err), "make room, and let the directory be yours; the audit log has it: keybroker log --op annotate")
	}
}
