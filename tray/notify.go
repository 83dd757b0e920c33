package tray

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// The kinds of notification.
const (
	kindTouch   = "touch"   // a device waits to be touched
	kindWaiting = "waiting" // a question waits for an answer
	kindGrant   = "grant"   // a key was used by a grant
	kindRefused = "refused" // a request was refused
	kindApprove = "approve" // a terminal answers questions from now on
	kindRules   = "rules"   // the rules were changed
)

// Kinds are the names that Config.Notify may hold.
func Kinds() []string {
	return []string{kindTouch, kindWaiting, kindGrant, kindRefused, kindApprove, kindRules}
}

// newsTimeout bounds the notifications of one event, so that a notification service
// that hangs does not delay the next event until the broker closes the connection.
const newsTimeout = 5 * time.Second

// maxPostponed bounds the postponed notifications; the oldest are dropped.
const maxPostponed = 8

// notification is one notification.
type notification struct{ kind, summary, body string }

// notifyNews sends a notification for each new event that the person asked for.
// While a question is on the screen, notifications are postponed and those that are
// shown are removed: one that covers a question's window keeps it from being answered.
func (t *tray) notifyNews(ctx context.Context, before, now control.Event) {
	ctx, cancel := context.WithTimeout(ctx, newsTimeout)
	defer cancel()
	list := append(t.postponed, news(before, now)...)
	t.postponed = nil
	for _, n := range list {
		switch {
		case !slices.Contains(t.Notify, n.kind):
		case windowOpen(now):
			t.postponed = append(t.postponed, n)
		default:
			t.notify(ctx, n)
		}
	}
	t.postponed = t.postponed[max(len(t.postponed)-maxPostponed, 0):]
	if windowOpen(now) && !windowOpen(before) {
		t.notifier.clear(ctx)
	}
}

// windowOpen reports whether a question or a notice is shown in a window.
func windowOpen(e control.Event) bool {
	asked := slices.ContainsFunc(e.Waiting, func(w control.Waiting) bool { return !w.Held })
	return (asked || len(e.Notices) > 0) && !e.Status.OnTerminal
}

// news is what now has and before has not, except what a window shows already.
func news(before, now control.Event) (list []notification) {
	add := func(kind, summary, body string) { list = append(list, notification{kind, summary, body}) }
	for _, title := range now.Notices {
		if !windowOpen(now) && !slices.Contains(before.Notices, title) {
			add(kindTouch, title, "")
		}
	}
	for _, w := range now.Waiting {
		if (w.Held || !windowOpen(now)) && !slices.ContainsFunc(before.Waiting, func(old control.Waiting) bool { return old.ID == w.ID }) {
			add(kindWaiting, "A request waits for you", strings.TrimSpace(w.Title+"\n"+w.Program))
		}
	}
	for _, record := range now.Records {
		switch {
		case record.Decision == audit.Refused:
			add(kindRefused, "Refused", recordText(record)+"\n"+platform.Escape(record.Reason, 4*maxText))
		case record.Decision == audit.Allowed && record.Op == keys.OpApprove:
			add(kindApprove, "A terminal answers questions now", platform.Escape(record.Reason, 4*maxText)+"\nIf that is not you: keybroker status")
		case record.Decision == audit.Allowed && record.Op == keys.OpReload:
			add(kindRules, "The rules were changed", platform.Escape(record.Reason, 8*maxText)+"\nIf that was not you: keybroker lock; keybroker policy show")
		case record.Decision == audit.Allowed && record.Grant != "":
			add(kindGrant, "Used without a question", recordText(record))
		}
	}
	return list
}

func (t *tray) notify(ctx context.Context, n notification) {
	if err := t.notifier.notify(ctx, n.kind, n.summary, n.body); err != nil {
		t.Log.Warn("no notification was shown", "error", err)
	}
}

// markup escapes text for the body of a notification, which may hold some HTML
// (Desktop Notifications Specification, "Markup").
func markup(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(text)
}
