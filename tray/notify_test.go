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

// recorder keeps the notifications.
type recorder []string

func (s *recorder) notify(_ context.Context, kind, summary, body string) error {
	*s = append(*s, kind+": "+summary+": "+body)
	return nil
}

func (s *recorder) clear(context.Context) { *s = append(*s, "cleared") }

func TestTellsOfATerminalThatAnswers(t *testing.T) {
	now := control.Event{Records: []audit.Record{
		{Op: keys.OpApprove, Decision: audit.Allowed, Reason: "terminal pts/3 answers from now on"},
		{Op: keys.OpApprove, Decision: audit.Note, Reason: "terminal pts/3 answers no more"},
	}}
	for _, wanted := range []bool{true, false} {
		var heard recorder
		tr := &tray{Config: Config{Log: slog.New(slog.DiscardHandler)}, notifier: &heard}
		if wanted {
			tr.Notify = []string{kindApprove}
		}
		tr.notifyNews(t.Context(), control.Event{}, now)
		if wanted && (len(heard) != 1 || !strings.HasPrefix(heard[0], "approve: A terminal answers questions now: terminal pts/3 answers from now on")) ||
			!wanted && len(heard) > 0 {
			t.Errorf("wanted %v: %q", wanted, heard)
		}
	}
}

func TestTellsOfChangedRules(t *testing.T) {
	var heard recorder
	tr := &tray{Config: Config{Log: slog.New(slog.DiscardHandler), Notify: []string{kindRules}}, notifier: &heard}
	tr.notifyNews(t.Context(), control.Event{}, control.Event{Records: []audit.Record{
		{Op: keys.OpReload, Decision: audit.Allowed, Reason: "asked for by keybroker; they allow more: rule \"x\" (allow) is new"},
		{Op: keys.OpReload, Decision: audit.Refused, Reason: "denied"},
	}})
	if len(heard) != 1 || !strings.HasPrefix(heard[0], `rules: The rules were changed: asked for by keybroker; they allow more: rule "x" (allow) is new`) {
		t.Errorf("%q", heard)
	}
}

// hung is a notification service that never answers.
type hung struct{ asked int }

func (h *hung) notify(ctx context.Context, _, _, _ string) error {
	h.asked++
	<-ctx.Done()
	return ctx.Err()
}

func (h *hung) clear(context.Context) {}

// No notification comes while a question is on the screen, and what is shown goes:
// it would lie over the question. What was to tell comes afterwards.
func TestNothingLiesOverAQuestion(t *testing.T) {
	var heard recorder
	tr := &tray{Config: Config{Log: slog.New(slog.DiscardHandler), Notify: Kinds()}, notifier: &heard}
	asks := control.Event{Waiting: []control.Waiting{{ID: "1", Title: "Log in?"}}, Notices: []string{"Touch it"},
		Records: []audit.Record{{Op: keys.OpReload, Decision: audit.Allowed, Reason: "asked for"}}}
	asks.Status.Prompt = "window"
	tr.notifyNews(t.Context(), control.Event{}, asks)
	if want := []string{"cleared"}; !slices.Equal(heard, want) {
		t.Errorf("while it is asked: %q, want %q", heard, want)
	}
	tr.notifyNews(t.Context(), asks, asks)
	tr.notifyNews(t.Context(), asks, control.Event{})
	if len(heard) != 3 || !strings.HasPrefix(heard[1], "rules: ") || !strings.HasPrefix(heard[2], "rules: ") {
		t.Errorf("afterwards: %q", heard)
	}
	heard = nil
	held := control.Event{Waiting: []control.Waiting{{ID: "2", Title: "Log in?", Held: true}}}
	held.Status.Prompt = "window"
	tr.notifyNews(t.Context(), control.Event{}, held)
	if len(heard) != 1 || !strings.HasPrefix(heard[0], "waiting: ") {
		t.Errorf("of one that is held: %q", heard)
	}
}

// A service that hangs costs one event's time, and not that of each notification.
func TestTellIsBounded(t *testing.T) {
	service := new(hung)
	tr := &tray{Config: Config{Log: slog.New(slog.DiscardHandler), Notify: []string{kindRefused}}, notifier: service}
	records := make([]audit.Record, 20)
	for i := range records {
		records[i] = audit.Record{Op: keys.OpSign, Decision: audit.Refused}
	}
	tr.notifyNews(t.Context(), control.Event{}, control.Event{Records: records}) // without the bound it does not return
	if service.asked != len(records) {
		t.Errorf("%d of %d were tried", service.asked, len(records))
	}
}
