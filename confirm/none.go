package confirm

import (
	"context"
	"errors"
	"fmt"
)

var errNoWay = errors.New("no way to ask")

// none refuses everything: there is no way to reach the person, or none is wanted.
type none struct{ why string }

func (none) Name() string { return "none" }

func (n none) Ask(context.Context, Question) (Answer, error) { return Answer{}, n.err() }

func (n none) Secret(context.Context, SecretQuestion) ([]byte, error) { return nil, n.err() }

func (n none) Notify(context.Context, Notice) error { return n.err() }

func (n none) err() error {
	return fmt.Errorf("%w: %s\n"+
		"install keybroker-desktop beside keybroker, or pinentry-qt, or run the daemon in a terminal, and see [confirm] prompt", errNoWay, n.why)
}
