package tray

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/agent/policy"
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

// tell sends a notification for each new thing that the person wants to hear of.
func (t *tray) tell(ctx context.Context, before, now control.Event) {
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	for _, title := range now.Notices {
		if !slices.Contains(before.Notices, title) {
			t.notify(ctx, tellTouch, title, "")
		}
	}
	for _, w := range now.Waiting {
		if !slices.ContainsFunc(before.Waiting, func(old control.Waiting) bool { return old.ID == w.ID }) {
			t.notify(ctx, tellWaiting, "A request waits for you", strings.TrimSpace(w.Title+"\n"+w.Program))
		}
	}
	for _, record := range now.Records {
		switch {
		case record.Decision == audit.Refused:
			t.notify(ctx, tellRefused, "Refused", recordText(record)+"\n"+platform.Escape(record.Reason, 4*maxText))
		case record.Decision == audit.Allowed && record.Op == keys.OpApprove:
			t.notify(ctx, tellApprove, "A terminal answers questions now", platform.Escape(record.Reason, 4*maxText)+"\nIf that is not you: keybroker status")
		case record.Decision == audit.Allowed && record.Op == keys.OpReload:
			t.notify(ctx, tellRules, "The rules were changed", platform.Escape(record.Reason, 8*maxText)+"\nIf that was not you: keybroker lock; keybroker policy show")
		case record.Decision == audit.Allowed && policy.ByGrant(record.Reason):
			t.notify(ctx, tellGrant, "Used without a question", recordText(record))
		}
	}
}

func (t *tray) notify(ctx context.Context, kind, summary, body string) {
	if !slices.Contains(t.Notify, kind) {
		return
	}
	if err := t.notifier.notify(ctx, kind, summary, body); err != nil {
		t.Log.Warn("no notification was shown", "error", err)
	}
}

// markup makes text fit for a body, in which the specification allows some
// HTML ("Markup" of the Desktop Notifications Specification).
func markup(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(text)
}
