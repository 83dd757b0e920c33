package ways

import (
	"context"
	"strings"
	"time"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/platform"
)

// Notify writes the notice, and a line when it is over. It reads nothing. It writes
// through a second descriptor, as the deadlines of the first belong to a question that
// may be shown. It does not open the name again: that may be another terminal by now.
func (t *Terminal) Notify(ctx context.Context, n confirm.Notice) error {
	tty, err := reopen(t.tty)
	if err != nil {
		return err
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
	if page, _ := sizeOf(tty).page(text, ""); page != "" { // it needs no answer, so it may be longer than the screen
		text = page
	}
	writable := own.interruptible(ctx)
	err = own.write(text)
	writable()
	if err != nil && ctx.Err() == nil {
		return err
	}
	<-ctx.Done()
	_ = tty.SetWriteDeadline(time.Now().Add(endTimeout))
	_ = own.write("keybroker: over: " + platform.Escape(n.Title, confirm.MaxLong) + "\n")
	return nil
}
