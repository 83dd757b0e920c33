package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// person asks all questions of the broker's parts in the same way, together with the
// history of the key.
type person struct {
	queue   *confirm.Queue
	history *audit.History
	grants  *policy.Grants
}

// before tells the history of a use for the prompt: "first time with this key", "last
// used here 3 days ago", and the grants in force. use may be nil.
func (p *person) before(use *keys.Use) string {
	if use == nil {
		return ""
	}
	past, text := p.history.Past(use), ""
	switch now := time.Now(); {
	case !past.Known:
	case past.KeyUsed.IsZero():
		text = "first time with this key"
	case past.HasPlace && past.PlaceUsed.IsZero():
		text = "first time here; this key was last used " + keys.Ago(now, past.KeyUsed)
	case past.HasPlace:
		text = "last used here " + keys.Ago(now, past.PlaceUsed)
	default:
		text = "this key was last used " + keys.Ago(now, past.KeyUsed)
	}
	grants := 0
	for _, grant := range p.grants.List(time.Now()) {
		if grant.Fingerprint == use.Key.Fingerprint {
			grants++
		}
	}
	if grants > 0 {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("grants in force: %d", grants)
	}
	return text
}

// asker is the keys.Person of the sources of keys.
func (p *person) asker() keys.Person { return confirm.Person{Prompter: p.queue, Before: p.before} }

// askLock says who asks for it, because any program of the person can cause the question.
func (p *person) askLock(ctx context.Context, peer platform.Peer, text, prompt string) ([]byte, error) {
	use := &keys.Use{Op: keys.OpLock, Peer: peer, Time: time.Now()}
	return p.queue.Secret(ctx, confirm.SecretQuestion{Title: lockTitle, Text: text + "\nAsked by " + peer.Chain() + ".", Prompt: prompt, Use: use})
}
