// Package tray shows on the desktop's panel how the broker is, and offers in a
// menu what the command line offers too. It is a client of the control socket
// in a process of its own, and cannot approve anything.
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

// retry is the wait before a broker that does not answer is tried again.
const retry = 2 * time.Second

// Config is what the tray works with.
type Config struct {
	Client *control.Client
	Log    *slog.Logger
	Notify []string // what a notification tells of: the names of Kinds; empty: nothing

	// Show brings a question that waits to the front; nil: there is no way to,
	// and what waits is only listed.
	Show func(ctx context.Context, id string) error
}

// screen is where a look goes: the menu in the panel.
type screen interface {
	show(l look)
}

// notifier tells the person something that needs no answer.
type notifier interface {
	notify(ctx context.Context, kind, summary, body string) error
	clear(ctx context.Context) // takes back what is shown
}

// tray follows the broker.
type tray struct {
	Config
	screen   screen
	notifier notifier
	later    []note         // what is told when no question is on the screen; follow's alone
	running  sync.WaitGroup // everything that draws
	drawing  sync.Mutex     // so that an older look never follows a newer one; taken before mu

	mu     sync.Mutex // guards the fields that follow
	broker broker
	said   string // the answer to the last click, when it is not what was wanted
}

// follow shows the broker's state until ctx ends, whether it comes, goes or
// comes back.
func (t *tray) follow(ctx context.Context) {
	t.draw(ctx)
	for ctx.Err() == nil {
		first := true
		for event, err := range t.Client.Events(ctx) {
			if err != nil {
				break
			}
			t.take(ctx, event, first)
			first = false
		}
		t.mu.Lock()
		t.broker = broker{}
		t.mu.Unlock()
		t.draw(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
}

func (t *tray) take(ctx context.Context, event control.Event, first bool) {
	t.mu.Lock()
	before := t.broker.event
	t.broker.take(event)
	t.mu.Unlock()
	if first || event.Status.Keys != before.Status.Keys || slices.ContainsFunc(event.Records, changesKeys) {
		t.readKeys(ctx)
	}
	t.draw(ctx)
	if !first {
		t.tell(ctx, before, event)
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
	l := t.broker.look()
	if t.said != "" {
		l.trouble = append([]string{t.said}, l.trouble...)
	}
	t.mu.Unlock()
	t.screen.show(l)
}
