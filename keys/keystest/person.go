package keystest

import (
	"context"
	"errors"

	"github.com/keybroker/keybroker/keys"
)

// Person answers as the test decides.
type Person struct {
	Ask  func(context.Context, keys.Question) ([]byte, error) // nil: there is no secret
	Tell func(context.Context, keys.Notice) error             // nil: the notice is shown until the context ends
}

// Asked is a Person that only answers questions.
func Asked(ask func(context.Context, keys.Question) ([]byte, error)) Person { return Person{Ask: ask} }

// Secret implements keys.Person.
func (p Person) Secret(ctx context.Context, q keys.Question) ([]byte, error) {
	if p.Ask == nil {
		return nil, errors.New("the test has no secret")
	}
	return p.Ask(ctx, q)
}

// Notify implements keys.Person.
func (p Person) Notify(ctx context.Context, n keys.Notice) error {
	if p.Tell == nil {
		<-ctx.Done()
		return nil
	}
	return p.Tell(ctx, n)
}
