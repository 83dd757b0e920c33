package tray

import (
	"context"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// notifyTimeout bounds the wait for a notification daemon.
const notifyTimeout = 5 * time.Second

// desktopNotifier shows notifications through the desktop. They have no
// buttons: anybody on the bus could press one.
type desktopNotifier struct {
	conn *dbus.Conn

	mu    sync.Mutex        // guards shown
	shown map[string]uint32 // by kind: the last one, which the next one replaces
}

func (n *desktopNotifier) notify(ctx context.Context, kind, summary, body string) error {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	n.mu.Lock()
	last := n.shown[kind]
	n.mu.Unlock()
	var id uint32
	err := n.conn.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").CallWithContext(ctx,
		"org.freedesktop.Notifications.Notify", 0, "keybroker", last, "keybroker", summary, markup(body),
		[]string{}, map[string]dbus.Variant{"transient": dbus.MakeVariant(true)}, int32(-1)).Store(&id)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shown[kind] = id
	return nil
}

func (n *desktopNotifier) clear(ctx context.Context) {
	n.mu.Lock()
	shown := n.shown
	n.shown = map[string]uint32{}
	n.mu.Unlock()
	for _, id := range shown {
		_ = n.conn.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").CallWithContext(ctx,
			"org.freedesktop.Notifications.CloseNotification", 0, id).Err
	}
}
