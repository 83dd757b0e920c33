package tray

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/keys"
)

// recorder records the notifications.
type recorder []string

func (s *recorder) notify(_ context.Context, kind, summary, body string) error {
	*s = append(*s, kind+": "+summary+": "+body)
	return nil
}

func (s *recorder) clear(context.Context) { *s = append(*s, "cleared") }

func TestNotifyApprovingTerminal(t *testing.T) {
	now := control.Event{Records: []audit.Record{
		{Op: keys.OpApprove, Decision: audit.Allowed, Reason: "terminal pts/3 answers from now on"},
		{Op: keys.OpApprove, Decision: audit.Note, Reason: "terminal pts/3 answers no more"},
	}}
	for _, wanted := range []bool{true, false} {
		var sent recorder
		tr := &tray{Config: Config{Log: slog.New(slog.DiscardHandler)}, notifier: &sent}
		if wanted {
			tr.Notify = []string{kindApprove}
		}
		tr.notifyNews(t.Context(), control.Event{}, now)
		if wanted && (len(sent) != 1 || !strings.HasPrefix(sent[0], "approve: A terminal answers questions now: terminal pts/3 answers from now on")) ||
			!wanted && len(sent) > 0 {
			t.Errorf("wanted %v: %q", wanted, sent)
		}
	}
}

func TestNotifyChangedRules(t *testing.T) {
	var sent recorder
	tr := &tray{Config: Config{Log: slog.New(slog.DiscardHandler), Notify: []string{kindRules}}, notifier: &sent}
	tr.notifyNews(t.Context(), control.Event{}, control.Event{Records: []audit.Record{
		{Op: keys.OpReload, Decision: audit.Allowed, Reason: "asked for by keybroker; they allow more: rule \"x\" (allow) is new"},
		{Op: keys.OpReload, Decision: audit.Refused, Reason: "denied"},
	}})
	if len(sent) != 1 || !strings.HasPrefix(sent[0], `rules: The rules were changed: asked for by keybroker; they allow more: rule "x" (allow) is new`) {
		t.Errorf("%q", sent)
	}
}

// hungNotifier is a notification service that never answers.
type hungNotifier struct{ calls int }

func (h *hungNotifier) notify(ctx context.Context, _, _, _ string) error {
	h.calls++
	<-ctx.Done()
	return ctx.Err()
}

func (h *hungNotifier) clear(context.Context) {}

// While a question is on the screen, notifications are postponed and shown ones are
// removed: they could cover the question.
func TestNotificationsDoNotCoverAQuestion(t *testing.T) {
	var sent recorder
	tr := &tray{Config: Config{Log: slog.New(slog.DiscardHandler), Notify: Kinds()}, notifier: &sent}
	asked := control.Event{Waiting: []control.Waiting{{ID: "1", Title: "Log in?"}}, Notices: []string{"Touch it"},
		Records: []audit.Record{{Op: keys.OpReload, Decision: audit.Allowed, Reason: "asked for"}}}
	asked.Status.Prompt = "window"
	tr.notifyNews(t.Context(), control.Event{}, asked)
	if want := []string{"cleared"}; !slices.Equal(sent, want) {
		t.Errorf("during the question: %q, want %q", sent, want)
	}
	tr.notifyNews(t.Context(), asked, asked)
	tr.notifyNews(t.Context(), asked, control.Event{})
	if len(sent) != 3 || !strings.HasPrefix(sent[1], "rules: ") || !strings.HasPrefix(sent[2], "rules: ") {
		t.Errorf("afterwards: %q", sent)
	}
	sent = nil
	held := control.Event{Waiting: []control.Waiting{{ID: "2", Title: "Log in?", Held: true}}}
	held.Status.Prompt = "window"
	tr.notifyNews(t.Context(), control.Event{}, held)
	if len(sent) != 1 || !strings.HasPrefix(sent[0], "waiting: ") {
		t.Errorf("for a held question: %q", sent)
	}
}

// A service that hangs delays an event once, not once for each notification.
func TestNotifyIsBounded(t *testing.T) {
	service := new(hungNotifier)
	tr := &tray{Config: Config{Log: slog.New(slog.DiscardHandler), Notify: []string{kindRefused}}, notifier: service}
	records := make([]audit.Record, 20)
	for i := range records {
		records[i] = audit.Record{Op: keys.OpSign, Decision: audit.Refused}
	}
	tr.notifyNews(t.Context(), control.Event{}, control.Event{Records: records}) // without the bound it would not return
	if service.calls != len(records) {
		t.Errorf("%d of %d notifications were tried", service.calls, len(records))
	}
}
