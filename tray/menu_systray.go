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

// list is some lines of the menu that are made once and shown when needed: a
// line that is taken away while the menu is open confuses panels.
type list struct {
	parent *systray.MenuItem // nil: the lines are in the menu itself
	items  []*systray.MenuItem
	ids    []string
}

// newMenu makes all the lines. It runs once the library is ready.
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

// maxTrouble is how many lines tell what does not work; keybroker status has all.
const maxTrouble = 4

func (m *menu) openWaiting() func(id string) func(context.Context) error {
	if m.tray.Show == nil {
		return nil
	}
	return m.tray.open
}

// newList makes n hidden lines, below a line of their own when it has a title.
// A click does what action makes of the line's id; without one the lines only tell.
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

// show brings the menu in line with l.
func (m *menu) show(l look) {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.survive()
	if l.state != m.state {
		m.state = l.state
		systray.SetIcon(iconFile(l.state))
	}
	systray.SetTooltip(l.tooltip)
	m.head.SetTitle(l.head)
	m.trouble.show(texts(l.trouble))
	m.waiting.show(l.waiting)
	m.recent.show(l.recent)
	m.grants.show(l.grants)
	m.keys.show(l.keys)
	m.more.SetTitle(l.more)
	visible(m.more, l.more != "")
	visible(m.revokeAll, len(l.grants) > 0)
	m.lock.SetTitle(lockText(l.locked))
	if l.paused {
		m.pause.Check()
	} else {
		m.pause.Uncheck()
	}
	for _, item := range []*systray.MenuItem{m.pause, m.lock} {
		enable(item, l.state != notRunning)
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
