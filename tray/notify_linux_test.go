package tray

import (
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/platform/bus"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
)

// notificationServer plays the desktop's notification server.
type notificationServer struct{ shown chan []any }

func (n notificationServer) Notify(app string, replaces uint32, icon, summary, body string, actions []string, hints map[string]dbus.Variant, expire int32) (uint32, *dbus.Error) {
	n.shown <- []any{replaces, summary, body, len(actions)}
	return 7, nil
}

func (n notificationServer) CloseNotification(id uint32) *dbus.Error {
	n.shown <- []any{id, "", "closed", 0}
	return nil
}

func TestNotifications(t *testing.T) {
	address := softkeystest.StartBus(t, false).Address
	server, err := bus.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	n := notificationServer{make(chan []any, 10)}
	if err := server.Export(n, "/org/freedesktop/Notifications", "org.freedesktop.Notifications"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.RequestName("org.freedesktop.Notifications", 0); err != nil {
		t.Fatal(err)
	}
	conn, err := bus.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tr := &tray{notifier: &desktopNotifier{conn: conn, shown: map[string]uint32{}}}
	tr.Log = slog.New(slog.NewTextHandler(io.Discard, nil))

	refused, byGrant := record(audit.Refused, "<b>no</b>"), record(audit.Allowed, "grant 3: no rule matches")
	byGrant.Grant = "3"
	event := control.Event{Notices: []string{"Touch it"}, Waiting: []control.Waiting{{ID: "1", Program: "git"}},
		Records: []audit.Record{refused, byGrant, record(audit.Allowed, "grant me: a reason that looks like one")}}
	event.Status.OnTerminal = true // so no window is open
	tr.notifyNews(t.Context(), control.Event{}, event)
	if len(n.shown) != 0 {
		t.Fatal("a notification was shown without Config.Notify")
	}
	tr.Notify = Kinds()
	tr.notifyNews(t.Context(), control.Event{}, event)
	tr.notifyNews(t.Context(), event, control.Event{Status: event.Status, Notices: event.Notices, Waiting: event.Waiting, Records: []audit.Record{refused}})
	var got [][]any
	for range len(n.shown) {
		shown := <-n.shown
		shown[2], _, _ = strings.Cut(strings.ReplaceAll(shown[2].(string), refused.Time.Local().Format("15:04:05 "), ""), " (claimed)")
		got = append(got, shown)
	}
	const what = `git, work, login to box\x1b[1m`
	want := [][]any{
		{uint32(0), "Touch it", "", 0},
		{uint32(0), "A request waits for you", "git", 0},
		{uint32(0), "Refused", "refused: " + what, 0},
		{uint32(0), "Used without a question", "allowed: " + what, 0},
		{uint32(7), "Refused", "refused: " + what, 0}, // replaces the last one
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	tr.notifier.clear(t.Context())
	if len(n.shown) == 0 {
		t.Error("no notification was closed")
	}
	if markup(`<b>&"`) != "&lt;b&gt;&amp;&quot;" {
		t.Error(markup(`<b>&"`))
	}
}
