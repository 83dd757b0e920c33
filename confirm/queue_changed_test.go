package confirm_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

// Changed is called whenever something begins or ceases to wait.
func TestQueueReportsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes atomic.Int32
		person := confirmtest.New()
		queue := confirm.NewQueue(person, confirm.QueueConfig{Changed: func() { changes.Add(1) }})
		want := func(n int32, what string) {
			t.Helper()
			synctest.Wait()
			if got := changes.Load(); got != n {
				t.Errorf("%s: %d changes, want %d", what, got, n)
			}
		}
		go queue.Ask(t.Context(), by(1))
		want(1, "a question")
		gone, leave := context.WithCancel(t.Context())
		go queue.Ask(gone, by(2))
		want(2, "a second question")
		leave()
		want(3, "the second program hung up")
		person.Next(t).AllowOnce()
		want(4, "an answer")

		over, end := context.WithCancel(t.Context())
		go queue.Notify(over, confirm.Notice{Title: "Touch \x1bit"})
		want(5, "a notice")
		if titles := queue.Notices(); !slices.Equal(titles, []string{`Touch \x1bit`}) {
			t.Errorf("%q", titles)
		}
		person.Next(t)
		end()
		want(6, "the end of the notice")
		if titles := queue.Notices(); len(titles) != 0 {
			t.Errorf("%q", titles)
		}
	})
}
