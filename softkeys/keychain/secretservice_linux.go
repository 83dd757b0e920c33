package keychain

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// The names of the Secret Service API 0.2.
const (
	serviceName     = "org.freedesktop.secrets"
	servicePath     = dbus.ObjectPath("/org/freedesktop/secrets")
	serviceIface    = "org.freedesktop.Secret.Service"
	itemIface       = "org.freedesktop.Secret.Item"
	collectionIface = "org.freedesktop.Secret.Collection"
	itemLabel       = "keybroker: opens your sealed SSH keys"
)

// SecretService is the Keychain of a Linux desktop: gnome-keyring, KWallet,
// KeePassXC. Each call opens a new connection and session, so that a restarted
// bus or service needs no recovery.
type SecretService struct {
	Address string // of the bus; "" finds the session bus at each call
}

// System returns the operating system's keychain. dir is not used on Linux.
func System(dir string) Keychain { return SecretService{} }

// Name implements Keychain.
func (SecretService) Name() string { return "secret-service" }

// Available implements Keychain. It does not ask the person.
func (s SecretService) Available(ctx context.Context) error {
	return s.with(ctx, func(c *client) error {
		collection, err := c.defaultCollection(ctx)
		if err != nil {
			return err
		}
		var locked dbus.Variant
		err = call(ctx, c.object(collection), "org.freedesktop.DBus.Properties.Get",
			[]any{collectionIface, "Locked"}, &locked)
		if err != nil {
			return err
		}
		if locked.Value() != false {
			return ErrLocked
		}
		return nil
	})
}

// Load implements Keychain.
func (s SecretService) Load(ctx context.Context, attributes Attributes) (plain []byte, err error) {
	err = s.with(ctx, func(c *client) error {
		item, err := c.find(ctx, attributes)
		if err != nil {
			return err
		}
		var sealed secret
		if err := call(ctx, c.object(item), itemIface+".GetSecret", []any{c.session}, &sealed); err != nil {
			return err
		}
		plain, err = sealed.open(c.key)
		return err
	})
	return plain, err
}

// Store implements Keychain. It stores in the default collection.
func (s SecretService) Store(ctx context.Context, attributes Attributes, plain []byte) error {
	return s.with(ctx, func(c *client) error {
		collection, err := c.defaultCollection(ctx)
		if err != nil {
			return err
		}
		if err := c.unlock(ctx, collection); err != nil {
			return err
		}
		sealed, err := seal(c.session, c.key, plain)
		if err != nil {
			return err
		}
		properties := map[string]dbus.Variant{
			itemIface + ".Label":      dbus.MakeVariant(itemLabel),
			itemIface + ".Attributes": dbus.MakeVariant(map[string]string(attributes)),
		}
		var item, prompt dbus.ObjectPath
		err = call(ctx, c.object(collection), collectionIface+".CreateItem",
			[]any{properties, sealed, true}, &item, &prompt)
		if err != nil {
			return err
		}
		return c.prompt(ctx, prompt)
	})
}

// Delete implements Keychain.
func (s SecretService) Delete(ctx context.Context, attributes Attributes) error {
	return s.with(ctx, func(c *client) error {
		item, err := c.find(ctx, attributes)
		if err != nil {
			return err
		}
		var prompt dbus.ObjectPath
		if err := call(ctx, c.object(item), itemIface+".Delete", nil, &prompt); err != nil {
			return err
		}
		return c.prompt(ctx, prompt)
	})
}

// with runs one operation, and repeats it once if the service vanished. If the
// item is missing even then, its keyring is locked.
func (s SecretService) with(ctx context.Context, operation func(*client) error) error {
	err := s.once(ctx, operation)
	if errors.Is(err, errVanished) {
		err = s.once(ctx, operation)
	}
	if errors.Is(err, errVanished) {
		return fmt.Errorf("%w (%w)", err, ErrLocked)
	}
	return err
}

func (s SecretService) once(ctx context.Context, operation func(*client) error) error {
	address := s.Address
	if address == "" {
		var err error
		if address, err = sessionBus(); err != nil {
			return err
		}
	}
	c, err := newClient(ctx, address)
	if err != nil {
		return err
	}
	defer c.close()
	return operation(c)
}
