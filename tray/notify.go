package tray

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

// The kinds of events that a notification can tell of.
const (
	tellTouch   = "touch"   // a device waits for a hand
	tellWaiting = "waiting" // a question waits for an answer
	tellGrant   = "grant"   // a key was used by a grant
	tellRefused = "refused" // a request was refused
	tellApprove = "approve" // a terminal answers questions from now on
	tellRules   = "rules"   // the rules were changed
)

// Kinds are the names that Config.Notify may hold.
func Kinds() []string {
	return []string{tellTouch, tellWaiting, tellGrant, tellRefused, tellApprove, tellRules}
}

// tellTime bounds all notifications of one event: behind a notification service
// that does not answer the next event must not wait until the broker gives up on us.
const tellTime = 5 * time.Second

// maxLater bounds the notifications that wait until a question is gone: the newest stay.
const maxLater = 8

// note is one notification.
type note struct{ kind, summary, body string }

// tell sends a notification for each new thing that the person wants to hear of.
// While a question is on the screen none is shown, and those that are go: one that
// lies over a question's window keeps it from its answer.
func (t *tray) tell(ctx context.Context, before, now control.Event) {
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	list := append(t.later, news(before, now)...)
	t.later = nil
	for _, n := range list {
		switch {
		case !slices.Contains(t.Notify, n.kind):
		case onScreen(now):
			t.later = append(t.later, n)
		default:
			t.notify(ctx, n)
		}
	}
	t.later = t.later[max(len(t.later)-maxLater, 0):]
	if onScreen(now) && !onScreen(before) {
		t.notifier.clear(ctx)
	}
}

// onScreen says whether the broker asks, or waits for a hand, in a window.
func onScreen(e control.Event) bool {
	asked := slices.ContainsFunc(e.Waiting, func(w control.Waiting) bool { return !w.Held })
	return (asked || len(e.Notices) > 0) && !strings.HasPrefix(e.Status.Prompt, "terminal")
}

// news are what came with the last event. What stands on the screen needs no telling.
func news(before, now control.Event) (list []note) {
	add := func(kind, summary, body string) { list = append(list, note{kind, summary, body}) }
	for _, title := range now.Notices {
		if !onScreen(now) && !slices.Contains(before.Notices, title) {
			add(tellTouch, title, "")
		}
	}
	for _, w := range now.Waiting {
		if (w.Held || !onScreen(now)) && !slices.ContainsFunc(before.Waiting, func(old control.Waiting) bool { return old.ID == w.ID }) {
			add(tellWaiting, "A request waits for you", strings.TrimSpace(w.Title+"\n"+w.Program))
		}
	}
	for _, record := range now.Records {
		switch {
		case record.Decision == audit.Refused:
			add(tellRefused, "Refused", recordText(record)+"\n"+platform.Escape(record.Reason, 4*maxText))
		case record.Decision == audit.Allowed && record.Op == keys.OpApprove:
			add(tellApprove, "A terminal answers questions now", platform.Escape(record.Reason, 4*maxText)+"\nIf that is not you: keybroker status")
		case record.Decision == audit.Allowed && record.Op == keys.OpReload:
			add(tellRules, "The rules were changed", platform.Escape(record.Reason, 8*maxText)+"\nIf that was not you: keybroker lock; keybroker policy show")
		case record.Decision == audit.Allowed && policy.ByGrant(record.Reason):
			add(tellGrant, "Used without a question", recordText(record))
		}
	}
	return list
}

func (t *tray) notify(ctx context.Context, n note) {
	if err := t.notifier.notify(ctx, n.kind, n.summary, n.body); err != nil {
		t.Log.Warn("no notification was shown", "error", err)
	}
}

// markup makes text fit for a body, in which the specification allows some
// HTML ("Markup" of the Desktop Notifications Specification).
func markup(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(text)
}
