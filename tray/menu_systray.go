//go:build linux || windows || (darwin && cgo)

package tray

import (
	"context"
	"sync"

	"fyne.io/systray"
)

// menu is the icon and its menu. The library has one of them for a process, in
// variables of its own, and all that is known of it is here.
type menu struct {
	tray *tray
	ctx  context.Context
	end  context.CancelFunc // of the whole tray

	mu    sync.Mutex // guards the fields that follow
	state state      // what the icon shows

	head           *systray.MenuItem
	trouble        *list
	waiting        *list
	recent, grants *list
	keys           *list
	more           *systray.MenuItem // keys that have no line
	revokeAll      *systray.MenuItem
	pause, lock    *systray.MenuItem
}

// list is a number of lines of the menu. They are made once and shown when needed:
// removing a line while the menu is open confuses panels.
type list struct {
	parent *systray.MenuItem // nil: the lines are in the menu itself
	items  []*systray.MenuItem
	ids    []string
}

// newMenu makes all lines. The library must be ready.
func newMenu(ctx context.Context, end context.CancelFunc, t *tray) *menu {
	m := &menu{tray: t, ctx: ctx, end: end}
	m.head = systray.AddMenuItem("keybroker", "")
	m.head.Disable()
	m.trouble = m.newList("", maxTrouble, nil)
	m.waiting = m.newList("", maxWaiting, m.openWaiting())
	systray.AddSeparator()
	m.recent = m.newList("Recent activity", maxRecent, t.describe)
	m.grants = m.newList("Allowed for a while", maxGrants, t.revoke)
	m.revokeAll = m.grants.parent.AddSubMenuItem("End all", "")
	m.onClick(m.revokeAll, func() func(context.Context) error { return t.revoke("") })
	m.keys = m.newList("Copy public key", maxKeys, t.copy)
	m.more = m.keys.parent.AddSubMenuItem("", "")
	m.more.Disable()
	systray.AddSeparator()
	m.pause = systray.AddMenuItemCheckbox("Pause: refuse everything until resumed", "", false)
	m.onClick(m.pause, func() func(context.Context) error { return t.pauseOrResume })
	m.lock = systray.AddMenuItem(lockText(false), "")
	m.onClick(m.lock, func() func(context.Context) error { return t.lockOrUnlock })
	systray.AddSeparator()
	quit := systray.AddMenuItem("Hide this icon (the broker goes on)", "")
	m.onClick(quit, func() func(context.Context) error { end(); return nil })
	return m
}

// maxTrouble bounds the lines about problems; keybroker status shows all.
const maxTrouble = 4

func (m *menu) openWaiting() func(id string) func(context.Context) error {
	if m.tray.Show == nil {
		return nil
	}
	return m.tray.open
}

// newList makes n hidden lines, in a submenu if there is a title. A click runs the
// action for the line's id; without an action the lines cannot be clicked.
func (m *menu) newList(title string, n int, action func(id string) func(context.Context) error) *list {
	l := &list{ids: make([]string, n)}
	if title != "" {
		l.parent = systray.AddMenuItem(title, "")
	}
	for i := range n {
		item := l.add()
		item.Hide()
		l.items = append(l.items, item)
		if action == nil {
			item.Disable()
			continue
		}
		m.onClick(item, func() func(context.Context) error { return action(m.idOf(l, i)) })
	}
	return l
}

func (l *list) add() *systray.MenuItem {
	if l.parent != nil {
		return l.parent.AddSubMenuItem("", "")
	}
	return systray.AddMenuItem("", "")
}

func (m *menu) idOf(l *list, i int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return l.ids[i]
}

func (m *menu) onClick(item *systray.MenuItem, action func() func(context.Context) error) {
	go func() {
		for {
			select {
			case <-m.ctx.Done():
				return
			case <-item.ClickedCh:
				if do := action(); do != nil {
					m.tray.do(m.ctx, do)
				}
			}
		}
	}()
}

// show updates the menu to v.
func (m *menu) show(v view) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.survive()
	if v.state != m.state {
		m.state = v.state
		systray.SetIcon(iconFile(v.state))
	}
	systray.SetTooltip(v.tooltip)
	m.head.SetTitle(v.head)
	m.trouble.show(texts(v.trouble))
	m.waiting.show(v.waiting)
	m.recent.show(v.recent)
	m.grants.show(v.grants)
	m.keys.show(v.keys)
	m.more.SetTitle(v.more)
	visible(m.more, v.more != "")
	visible(m.revokeAll, len(v.grants) > 0)
	m.lock.SetTitle(lockText(v.locked))
	if v.paused {
		m.pause.Check()
	} else {
		m.pause.Uncheck()
	}
	for _, item := range []*systray.MenuItem{m.pause, m.lock} {
		enable(item, v.state != notRunning)
	}
}

// survive ends the tray in order when the bus went away under the library,
// which panics then.
func (m *menu) survive() {
	if fault := recover(); fault != nil {
		m.tray.Log.Info("the desktop is gone", "said", fault)
		m.end()
	}
}

func lockText(locked bool) string {
	if locked {
		return "Unlock…"
	}
	return "Lock…"
}

func texts(lines []string) []entry {
	var list []entry
	for _, line := range lines {
		list = append(list, entry{text: line})
	}
	return list
}

func (l *list) show(entries []entry) {
	for i, item := range l.items {
		if i < len(entries) {
			l.ids[i] = entries[i].id
			item.SetTitle(entries[i].text)
		} else {
			l.ids[i] = ""
		}
		visible(item, i < len(entries))
	}
	if l.parent != nil {
		enable(l.parent, len(entries) > 0)
	}
}

func visible(item *systray.MenuItem, yes bool) {
	if yes {
		item.Show()
	} else {
		item.Hide()
	}
}

func enable(item *systray.MenuItem, yes bool) {
	switch {
	case yes && item.Disabled():
		item.Enable()
	case !yes && !item.Disabled():
		item.Disable()
	}
}
