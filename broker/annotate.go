package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/keybroker/keybroker/agent"
	"github.com/keybroker/keybroker/agent/claims"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// claimsFile holds what the person said of keys.
func claimsFile(c *config.Config) string { return filepath.Join(c.Paths.StateDir, "claims.json") }

// ReadClaims reads what the person said of keys, by fingerprint, while no broker runs.
func ReadClaims(c *config.Config) (map[string]keys.Claim, error) { return claims.Read(claimsFile(c)) }

// annotator changes what is said of keys.
type annotator struct {
	store     *claims.Store
	server    *agent.Server
	queue     *confirm.Queue
	approvals *approvals
	known     func() []control.Key

	asking atomic.Bool // the person is asked about a key that may be used longer
}

// Claims lists what the person said of keys.
func (b controlAPI) Claims() []control.Claim {
	list := []control.Claim{}
	for fingerprint, claim := range b.claims.All() {
		list = append(list, control.Claim{Fingerprint: fingerprint, Claim: claim})
	}
	slices.SortFunc(list, func(a, b control.Claim) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	return list
}

// Annotate changes what is said of a key, for peer.
func (b controlAPI) Annotate(ctx context.Context, peer platform.Peer, change control.Annotation) (control.Claim, error) {
	claim, err := b.annotations.annotate(ctx, peer, change)
	return claim, b.changed(err)
}

func (a *annotator) annotate(ctx context.Context, peer platform.Peer, change control.Annotation) (control.Claim, error) {
	before := a.store.Claim(change.Fingerprint)
	next := change.Apply(before)
	key, err := a.find(change.Fingerprint, next)
	if err == nil {
		err = next.Check()
	}
	if err != nil {
		return control.Claim{}, err
	}
	result := control.Claim{Fingerprint: change.Fingerprint, Claim: next}
	if next.Same(before) {
		return result, nil
	}
	longer := before.Longer(next)
	if longer {
		if err := a.mayLiveLonger(ctx, peer, key, before, next); err != nil {
			a.server.NotAnnotated(peer, key, err)
			return control.Claim{}, err
		}
	}
	return result, a.store.Change(change.Fingerprint, before, next, func(digest string) error {
		return a.server.Annotated(peer, key, next, digest, longer)
	})
}

// find returns the key of a fingerprint. Of a key that is gone, claims can only be cleared.
func (a *annotator) find(fingerprint string, next keys.Claim) (keys.Info, error) {
	for _, key := range a.known() {
		if key.Fingerprint != fingerprint {
			continue
		}
		public, _, _, _, err := publickey.ParseLine([]byte(key.PublicKey))
		if err != nil { // a damaged key
			return keys.Info{Fingerprint: fingerprint, Name: key.Name, Comment: key.Comment, Source: key.Source}, nil
		}
		info := keys.NewInfo(public, key.Comment)
		info.Name, info.Source = key.Name, key.Source
		return info, nil
	}
	if next.IsZero() {
		return keys.Info{Fingerprint: fingerprint}, nil
	}
	return keys.Info{}, problem.With(fmt.Errorf("there is no key %.64q", fingerprint), "see which there are: keybroker keys list")
}

// mayLiveLonger asks the person whether a key may be used longer than they once said. Any
// program of theirs can ask the broker for it.
func (a *annotator) mayLiveLonger(ctx context.Context, peer platform.Peer, key keys.Info, before, next keys.Claim) error {
	what := fmt.Sprintf("the key may be used until %s, and then until %s", keys.ClaimTime(before.Expires), keys.ClaimTime(next.Expires))
	if next.Expires.IsZero() {
		what = fmt.Sprintf("the key may be used until %s, and then without an end", keys.ClaimTime(before.Expires))
	}
	if !a.approvals.canAsk() {
		return problem.With(fmt.Errorf("%s; nobody can be asked whether that is intended", what), "let the broker ask: docs/config.md, [confirm] prompt; or make a new key")
	}
	if a.asking.Swap(true) {
		return problem.New("the person is being asked about the expiry of another key already", "answer that question, and try again")
	}
	defer a.asking.Store(false)
	ctx, cancel := a.server.BeforeReload().Until(ctx) // a lock or a pause voids the answer
	defer cancel()
	answer, err := a.queue.Ask(ctx, confirm.Question{Why: what, Use: &keys.Use{Op: keys.OpAnnotate, Peer: peer, Key: key, Time: time.Now()}})
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	if err == nil && answer.Verdict == confirm.AllowOnce {
		return nil
	}
	if err != nil {
		return problem.With(fmt.Errorf("%s; nobody could be asked: %w", what, err), "see what is wrong with the prompt: keybroker doctor")
	}
	return control.Refused(problem.With(fmt.Errorf("%s; %s", what, answer.Reason), "if it is intended: try again, and allow it"))
}

// keyExpired writes to the log that the time of a key is over.
func (b *Broker) keyExpired(fingerprint string, claim keys.Claim, digest string) error {
	info := keys.Info{Fingerprint: fingerprint}
	for _, known := range b.server.Ring.List() {
		if known.Fingerprint == fingerprint {
			info = known
		}
	}
	return b.server.KeyExpired(info, claim, digest)
}

// claimProblems lists keys that have expired, with what is wrong with the claims
// themselves, and keys that will expire soon.
func (b controlAPI) claimProblems() (expired, soon []error) {
	all, now := b.claims.All(), time.Now()
	expired = []error{b.claims.Fault()}
	if len(all) == 0 { // the usual case: the keys need not be listed
		return expired, nil
	}
	seen := map[string]bool{}
	for _, key := range b.Keys() {
		claim := all[key.Fingerprint]
		if claim.Expires.IsZero() || seen[key.Fingerprint] {
			continue
		}
		seen[key.Fingerprint] = true
		name := platform.Escape(cmp.Or(key.Name, key.Fingerprint), maxText)
		switch left := claim.Expires.Sub(now); {
		case claim.HasExpired(now):
			expired = append(expired, claims.Expired(keys.Info{Name: name}, claim))
		case left < b.config.Lifecycle.WarnTime():
			soon = append(soon, problem.With(fmt.Errorf("the key %s expires on %s, %s", name, keys.ClaimTime(claim.Expires), keys.In(left)),
				"replace it in time; or, to keep using it: keybroker keys annotate %s --expires 180d", name))
		}
	}
	return expired, soon
}
