package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/sources/fido"
)

// person asks the person what the parts of the broker want to know, always in the same
// way, with what was before.
type person struct {
	queue   *confirm.Queue
	history *audit.History
	grants  *policy.Grants
}

// before says in the prompt what was before a use: "first time with this key",
// "last used here 3 days ago", and which grants are in force. use may be nil.
func (p *person) before(use *keys.Use) string {
	if use == nil {
		return ""
	}
	past, text := p.history.Of(use), ""
	switch now := time.Now(); {
	case !past.Known:
	case past.Key.IsZero():
		text = "first time with this key"
	case past.Place && past.Here.IsZero():
		text = "first time here; this key was last used " + keys.Ago(now, past.Key)
	case past.Place:
		text = "last used here " + keys.Ago(now, past.Here)
	default:
		text = "this key was last used " + keys.Ago(now, past.Key)
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

// askPassphrase asks for the passphrase of the vault in the way that the
// person is asked everything else.
func (p *person) askPassphrase(ctx context.Context, title, text, lastError string, use *keys.Use) ([]byte, error) {
	return p.queue.Secret(ctx, confirm.SecretQuestion{Title: title, Text: text, Prompt: "Passphrase:", Error: lastError, Use: use})
}

// askCardPIN asks for a PIN as the person is asked everything else.
func (p *person) askCardPIN(ctx context.Context, q cardkeys.Question) ([]byte, error) {
	secret, err := p.queue.Secret(ctx, confirm.SecretQuestion{
		Title: q.Title, Text: q.Text, Prompt: q.Prompt, Error: q.Error,
		Use: q.Use, Facts: q.Use != nil, Why: q.Why, History: p.before(q.Use),
	})
	return secret, asRefusal(err)
}

func (p *person) notifyCard(ctx context.Context, n cardkeys.Notice) error {
	return asRefusal(p.queue.Notify(ctx, confirm.Notice{Title: n.Title, Text: n.Text, Use: n.Use, Why: n.Why, History: p.before(n.Use)}))
}

func asRefusal(err error) error {
	if errors.Is(err, confirm.ErrClosed) {
		return fmt.Errorf("%w: %w", cardkeys.ErrRefused, err)
	}
	return err
}

// askKeyPIN asks for the PIN of a security key as the person is asked everything else.
func (p *person) askKeyPIN(ctx context.Context, use *keys.Use, title, text string) ([]byte, error) {
	return p.queue.Secret(ctx, confirm.SecretQuestion{Title: title, Text: text, Prompt: "PIN:", Use: use, Facts: true, History: p.before(use)})
}

// notifyTouch tells the person to touch a security key.
func (p *person) notifyTouch(ctx context.Context, use *keys.Use, title, text string) error {
	err := p.queue.Notify(ctx, confirm.Notice{Title: title, Text: text, Use: use, History: p.before(use)})
	if errors.Is(err, confirm.ErrClosed) {
		return fido.ErrRefused
	}
	return err
}

// askLock says who wants it: any program of the person's may ask for the question.
func (p *person) askLock(ctx context.Context, peer platform.Peer, text, prompt string) ([]byte, error) {
	use := &keys.Use{Op: keys.OpLock, Peer: peer, Time: time.Now()}
	return p.queue.Secret(ctx, confirm.SecretQuestion{Title: lockTitle, Text: text + "\nAsked by " + peer.Chain() + ".", Prompt: prompt, Use: use})
}
