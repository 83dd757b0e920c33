package confirm

import (
	"context"
	"fmt"
	"strings"
)

// Notify writes the notice, and later that it is over. It reads nothing, and
// writes through an opening of its own: a question may be on the terminal, whose
// deadlines are for that.
func (t *terminal) Notify(ctx context.Context, n Notice) error {
	tty, err := reopen(t.tty)
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	defer tty.Close()
	own := terminal{tty: tty}
	text := "\nkeybroker: " + clean(n.Title, maxLong) + "\n"
	if n.Text != "" {
		text += cleanLines(n.Text) + "\n"
	}
	if n.Use != nil {
		text += strings.TrimPrefix(facts(Question{Use: n.Use, Why: n.Why}), "\n")
	}
	if err := own.write(text); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	<-ctx.Done()
	return own.write("keybroker: over: " + clean(n.Title, maxLong) + "\n")
}
