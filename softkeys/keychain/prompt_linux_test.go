package keychain_test

import (
	"context"
	"errors"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/keybroker/keybroker/softkeys/keychain"
	"github.com/keybroker/keybroker/softkeys/softkeystest"
)

const (
	promptPath      = dbus.ObjectPath("/prompt/1")
	promptCompleted = "org.freedesktop.Secret.Prompt.Completed"
)

// service plays a Secret Service with one locked item, as far as its prompt.
type service struct {
	conn      *dbus.Conn
	prompted  chan dbus.Sender // who asked for the prompt
	dismissed chan struct{}
}

func (s *service) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	return dbus.MakeVariant([]byte{4}), "/session", nil // a valid public key; nothing is decrypted
}

func (s *service) SearchItems(map[string]string) (unlocked, locked []dbus.ObjectPath, _ *dbus.Error) {
	return nil, []dbus.ObjectPath{"/item"}, nil
}

func (s *service) Unlock([]dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	return nil, promptPath, nil
}

func (s *service) Prompt(_ string, from dbus.Sender) *dbus.Error { s.prompted <- from; return nil }

func (s *service) Dismiss() *dbus.Error { s.dismissed <- struct{}{}; return nil }

// startService returns the service and a Load that waits for its prompt.
func startService(t *testing.T, ctx context.Context) (s *service, bus *softkeystest.Bus, client dbus.Sender, loaded chan error) {
	t.Helper()
	bus = softkeystest.StartBus(t, false)
	s = &service{connect(t, bus), make(chan dbus.Sender, 9), make(chan struct{}, 9)}
	s.conn.Export(s, "/org/freedesktop/secrets", "org.freedesktop.Secret.Service")
	s.conn.Export(s, promptPath, "org.freedesktop.Secret.Prompt")
	if _, err := s.conn.RequestName("org.freedesktop.secrets", 0); err != nil {
		t.Fatal(err)
	}
	loaded = make(chan error, 1)
	go func() {
		_, err := keychain.SecretService{Address: bus.Address}.Load(ctx, names)
		loaded <- err
	}()
	select {
	case client = <-s.prompted:
	case err := <-loaded:
		t.Fatalf("Load ended before it prompted: %v", err)
	}
	return s, bus, client, loaded
}

func connect(t *testing.T, bus *softkeystest.Bus) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect(bus.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// send sends the end of a prompt straight to the client, past its match rules,
// and returns when the bus has passed it on.
func send(t *testing.T, from *dbus.Conn, to dbus.Sender, path dbus.ObjectPath, dismissed bool) {
	t.Helper()
	body := []any{dismissed, dbus.MakeVariant("")}
	from.Send(&dbus.Message{
		Type: dbus.TypeSignal,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: dbus.MakeVariant(string(to)),
			dbus.FieldPath:        dbus.MakeVariant(path),
			dbus.FieldInterface:   dbus.MakeVariant("org.freedesktop.Secret.Prompt"),
			dbus.FieldMember:      dbus.MakeVariant("Completed"),
			dbus.FieldSignature:   dbus.MakeVariant(dbus.SignatureOf(body...)),
		},
		Body: body,
	}, nil)
	if err := from.BusObject().Call("org.freedesktop.DBus.GetId", 0).Err; err != nil {
		t.Fatal(err)
	}
}

// TestForgedCompleted: only the service ends its prompt. Had a forged signal
// counted, Load would go on to read the item and fail in another way.
func TestForgedCompleted(t *testing.T) {
	s, bus, client, loaded := startService(t, t.Context())
	forger := connect(t, bus)
	send(t, forger, client, promptPath, false)
	send(t, s.conn, client, "/prompt/2", false) // another prompt of the service
	select {
	case err := <-loaded:
		t.Fatalf("Load ended: %v", err)
	default:
	}
	send(t, s.conn, client, promptPath, true)
	if err := <-loaded; !errors.Is(err, keychain.ErrDismissed) {
		t.Errorf("Load: %v", err)
	}
}

// TestPromptCancelled: a client that hangs up takes its prompt down.
func TestPromptCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, _, _, loaded := startService(t, ctx)
	cancel()
	if err := <-loaded; !errors.Is(err, context.Canceled) {
		t.Errorf("Load: %v", err)
	}
	select {
	case <-s.dismissed:
	default:
		t.Error("the prompt was left on the screen")
	}
}

// TestServiceDiesWhilePrompting must not wait for an answer that cannot come.
func TestServiceDiesWhilePrompting(t *testing.T) {
	s, _, _, loaded := startService(t, t.Context())
	s.conn.Close()
	if err := <-loaded; !errors.Is(err, keychain.ErrAbsent) { // no other one is started here
		t.Errorf("Load: %v", err)
	}
}
