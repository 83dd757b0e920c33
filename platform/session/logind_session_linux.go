package session

import (
	"context"
	"os"
	"slices"

	"github.com/godbus/dbus/v5"
)

// desktopTypes are the session types with a screen (sd_session_get_type(3)).
var desktopTypes = []string{"x11", "wayland", "mir"}

// readSessions finds this user's sessions, and whether one is locked.
func (l *logind) readSessions() {
	object := l.object(logindPath)
	var list []struct {
		ID   string
		UID  uint32
		User string
		Seat string
		Path dbus.ObjectPath
	}
	l.ask(askSessions, func(ctx context.Context) error {
		return call(ctx, object, logindManager+".ListSessions", nil, &list)
	}, func(last bool, err error) {
		for _, session := range list {
			if last && err == nil && int(session.UID) == os.Getuid() {
				l.addSession(session.Path)
			}
		}
	})
}

// addSession adds a session if it is this user's. One that no longer answers has ended.
func (l *logind) addSession(path dbus.ObjectPath) {
	object := l.object(path)
	var properties map[string]dbus.Variant
	l.ask(string(path), func(ctx context.Context) error {
		_ = call(ctx, object, propertiesIface+".GetAll", []any{logindSession}, &properties)
		return nil
	}, func(last bool, _ error) {
		if last {
			l.took(path, properties)
		}
	})
}

func (l *logind) took(path dbus.ObjectPath, properties map[string]dbus.Variant) {
	var user struct {
		UID  uint32
		Path dbus.ObjectPath
	}
	if properties["User"].Store(&user) != nil || int(user.UID) != os.Getuid() {
		l.screen(path, false)
		return
	}
	kind, _ := properties["Type"].Value().(string)
	l.sessions[path] = slices.Contains(desktopTypes, kind)
	if locked, ok := properties["LockedHint"].Value().(bool); ok && locked {
		l.screen(path, true)
	}
}

// removeSession reports the end of a desktop session and of the last session. The end
// of an ssh login beside them means nothing.
func (l *logind) removeSession(path dbus.ObjectPath) {
	l.beside.drop(string(path))
	delete(l.waiting, string(path))
	desktop, mine := l.sessions[path]
	if !mine {
		return
	}
	delete(l.sessions, path)
	l.screen(path, false)
	if desktop || len(l.sessions) == 0 {
		l.w.emit(End, partLogind)
	}
}

// changed reads LockedHint, which the desktop sets when its screen is locked.
func (l *logind) changed(signal *dbus.Signal) {
	var iface string
	var properties map[string]dbus.Variant
	var invalidated []string
	if dbus.Store(signal.Body, &iface, &properties, &invalidated) != nil || iface != logindSession {
		return
	}
	if locked, ok := properties["LockedHint"].Value().(bool); ok {
		l.screen(signal.Path, locked)
	}
}

// screen counts any session as locked until it is known whose it is: that costs a
// question, and a missed lock would leave keys open.
func (l *logind) screen(path dbus.ObjectPath, locked bool) {
	if _, mine := l.sessions[path]; mine || !locked || l.waiting[askSessions] || l.waiting[string(path)] {
		l.w.lockedBy(partLogind+" "+string(path), locked)
	}
}

// pathIn reads the (so) of SessionNew and SessionRemoved.
func pathIn(body []any) (dbus.ObjectPath, bool) {
	var id string
	var path dbus.ObjectPath
	return path, dbus.Store(body, &id, &path) == nil
}
