// Package tray shows the broker's state in the desktop's panel, with a menu of what
// the command line offers. It runs in a separate process as a client of the control
// socket, and cannot approve anything.
package tray

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/keys"
)

// retryDelay is how long to wait before connecting to the broker again.
const retryDelay = 2 * time.Second

// Config is what the tray works with.
type Config struct {
	Version string // of this program, which the broker's should equal
	Client  *control.Client
	Log     *slog.Logger
	Notify  []string // the Kinds of notification to show; empty: none

	// Show brings a waiting question to the front; nil: waiting questions are only
	// listed.
	Show func(ctx context.Context, id string) error
}

// screen shows a view: the menu in the panel.
type screen interface {
	show(v view)
}

// notifier shows notifications, which need no answer.
type notifier interface {
	notify(ctx context.Context, kind, summary, body string) error
	clear(ctx context.Context) // removes what is shown
}

// tray follows the broker.
type tray struct {
	Config
	screen    screen
	notifier  notifier
	postponed []notification // while a question is on the screen; used by follow alone
	running   sync.WaitGroup // all goroutines that draw
	drawing   sync.Mutex     // keeps an older view from following a newer one; taken before mu

	mu         sync.Mutex // guards the fields that follow
	broker     broker
	clickError string // why the last click failed; "": it did not
}

// follow shows the broker's state until ctx ends, across restarts of the broker.
func (t *tray) follow(ctx context.Context) {
	t.draw(ctx)
	for ctx.Err() == nil {
		first := true
		for event, err := range t.Client.Events(ctx) {
			if err != nil {
				break
			}
			t.apply(ctx, event, first)
			first = false
		}
		t.mu.Lock()
		t.broker = broker{}
		t.mu.Unlock()
		t.draw(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(retryDelay):
		}
	}
}

func (t *tray) apply(ctx context.Context, event control.Event, first bool) {
	t.mu.Lock()
	before := t.broker.event
	t.broker.apply(event)
	t.mu.Unlock()
	if first || event.Status.Keys != before.Status.Keys || slices.ContainsFunc(event.Records, changesKeys) {
		t.readKeys(ctx)
	}
	t.draw(ctx)
	if !first {
		t.notifyNews(ctx, before, event)
	}
}

func changesKeys(r audit.Record) bool {
	return slices.Contains([]keys.Op{keys.OpAdd, keys.OpRemove, keys.OpRemoveAll}, r.Op)
}

func (t *tray) readKeys(ctx context.Context) {
	list, err := t.Client.Keys(ctx)
	if err != nil {
		t.Log.Warn("the keys cannot be read", "error", err)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broker.keys = list
}

func (t *tray) draw(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	t.drawing.Lock()
	defer t.drawing.Unlock()
	t.mu.Lock()
	l := t.broker.view(t.Version)
	if t.clickError != "" {
		l.trouble = append([]string{t.clickError}, l.trouble...)
	}
	t.mu.Unlock()
	t.screen.show(l)
}
