package confirm

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Notify writes the notice, and later that it is over. It reads nothing, and
// writes through a descriptor of its own: a question may be on the terminal, whose
// deadlines are for that. The name may be another terminal's by now.
func (t *terminal) Notify(ctx context.Context, n Notice) error {
	tty, err := again(t.tty)
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
		text += strings.TrimPrefix(writer{maxValue, maxLong}.facts(Question{Use: n.Use, Why: n.Why, History: n.History}), "\n")
	}
	if page, _ := sizeOf(tty).page(text, ""); page != "" { // it asks for nothing: it may be longer than the screen
		text = page
	}
	writable := own.interruptible(ctx)
	err = own.write(text)
	writable()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("terminal: %w", err)
	}
	<-ctx.Done()
	_ = tty.SetWriteDeadline(time.Now().Add(farewellTime))
	_ = own.write("keybroker: over: " + clean(n.Title, maxLong) + "\n")
	return nil
}
