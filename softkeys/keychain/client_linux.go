package keychain

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// client is one connection to the service with one session.
type client struct {
	conn    *dbus.Conn
	owner   string // unique name of the service, so that one process gives every answer
	session dbus.ObjectPath
	key     []byte
}

func newClient(ctx context.Context, address string) (*client, error) {
	conn, err := connect(ctx, address)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn}
	if err := c.openSession(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// close ends the session too: the service drops it with the connection.
func (c *client) close() {
	clear(c.key)
	c.conn.Close()
}

func (c *client) object(path dbus.ObjectPath) dbus.BusObject { return c.conn.Object(c.owner, path) }

// findService finds the running service or starts it. A service that the person
// started (KeePassXC) may have no D-Bus service file.
func (c *client) findService(ctx context.Context) error {
	bus := c.conn.BusObject()
	err := call(ctx, bus, "org.freedesktop.DBus.GetNameOwner", []any{serviceName}, &c.owner)
	if !errors.Is(err, errVanished) {
		return err
	}
	var result uint32
	if err := call(ctx, bus, "org.freedesktop.DBus.StartServiceByName", []any{serviceName, uint32(0)}, &result); err != nil {
		return err
	}
	return call(ctx, bus, "org.freedesktop.DBus.GetNameOwner", []any{serviceName}, &c.owner)
}

// openSession agrees on the key that encrypts every secret on the bus.
func (c *client) openSession(ctx context.Context) error {
	if err := c.findService(ctx); err != nil {
		return err
	}
	ours, err := newExchange()
	if err != nil {
		return err
	}
	var output dbus.Variant
	err = call(ctx, c.object(servicePath), serviceIface+".OpenSession",
		[]any{algorithm, dbus.MakeVariant(ours.public.Bytes())}, &output, &c.session)
	if err != nil {
		return err
	}
	theirs, ok := output.Value().([]byte)
	if !ok {
		return fmt.Errorf("the service answered with %s instead of a public key", output.Signature())
	}
	c.key, err = ours.key(theirs)
	return err
}

// defaultCollection is where new secrets go. A service without one was never set
// up, or was restarted without a keyring.
func (c *client) defaultCollection(ctx context.Context) (dbus.ObjectPath, error) {
	var path dbus.ObjectPath
	err := call(ctx, c.object(servicePath), serviceIface+".ReadAlias", []any{"default"}, &path)
	if err == nil && path == "/" {
		err = fmt.Errorf("the Secret Service has no default keyring: %w", ErrAbsent)
	}
	return path, err
}

// find returns an unlocked item. It unlocks a locked one first.
func (c *client) find(ctx context.Context, attributes Attributes) (dbus.ObjectPath, error) {
	item, err := c.search(ctx, attributes)
	if item != "" || err != nil {
		return item, err
	}
	// A locked keyring may hide even the names of its items, so "nothing found"
	// counts only while the default keyring is open.
	collection, err := c.defaultCollection(ctx)
	if err != nil {
		return "", err
	}
	if err := c.unlock(ctx, collection); err != nil {
		return "", err
	}
	if item, err = c.search(ctx, attributes); item == "" && err == nil {
		err = ErrNotFound
	}
	return item, err
}

func (c *client) search(ctx context.Context, attributes Attributes) (dbus.ObjectPath, error) {
	var unlocked, locked []dbus.ObjectPath
	err := call(ctx, c.object(servicePath), serviceIface+".SearchItems",
		[]any{map[string]string(attributes)}, &unlocked, &locked)
	switch {
	case err != nil:
		return "", err
	case len(unlocked) > 0:
		return unlocked[0], nil
	case len(locked) > 0:
		return locked[0], c.unlock(ctx, locked[0])
	}
	return "", nil
}

func (c *client) unlock(ctx context.Context, path dbus.ObjectPath) error {
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := call(ctx, c.object(servicePath), serviceIface+".Unlock", []any{[]dbus.ObjectPath{path}}, &unlocked, &prompt)
	if err != nil {
		return err
	}
	return c.prompt(ctx, prompt)
}
