package confirm

import (
	"context"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/keys"
)

// Person implements keys.Person with a Prompter.
type Person struct {
	Prompter Prompter
	Before   func(*keys.Use) string // returns Question.History for a use; nil: none
}

var _ keys.Person = Person{}

// Secret implements keys.Person.
func (p Person) Secret(ctx context.Context, q keys.Question) ([]byte, error) {
	question := SecretQuestion{Title: q.Title, Text: q.Text, Prompt: q.Prompt, Error: q.Error, Use: q.Use}
	if q.Facts && q.Use != nil {
		question.Facts, question.Why, question.History = true, q.Why, p.before(q.Use)
	}
	secret, err := p.Prompter.Secret(ctx, question)
	return secret, asRefusal(err)
}

// Notify implements keys.Person.
func (p Person) Notify(ctx context.Context, n keys.Notice) error {
	return asRefusal(p.Prompter.Notify(ctx, Notice{Title: n.Title, Text: n.Text, Use: n.Use, Why: n.Why, History: p.before(n.Use)}))
}

func (p Person) before(use *keys.Use) string {
	if use == nil || p.Before == nil {
		return ""
	}
	return p.Before(use)
}

// asRefusal wraps the cause too, which is the reason in the audit log.
func asRefusal(err error) error {
	if errors.Is(err, ErrClosed) {
		return fmt.Errorf("%w: %w", keys.ErrRefused, err)
	}
	return err
}
