package ways

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/platform"
)

// Notify writes the notice, and later that it is over. It reads nothing, and
// writes through a descriptor of its own: a question may be on the terminal, whose
// deadlines are for that. The name may be another terminal's by now.
func (t *Terminal) Notify(ctx context.Context, n confirm.Notice) error {
	tty, err := again(t.tty)
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	defer tty.Close()
	own := Terminal{tty: tty}
	text := "\nkeybroker: " + platform.Escape(n.Title, confirm.MaxLong) + "\n"
	if n.Text != "" {
		text += confirm.EscapeLines(n.Text) + "\n"
	}
	if n.Use != nil {
		text += strings.TrimPrefix(facts(confirm.Longest, n.Question()), "\n")
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
	_ = own.write("keybroker: over: " + platform.Escape(n.Title, confirm.MaxLong) + "\n")
	return nil
}
