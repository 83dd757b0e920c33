package keychain

import (
	"context"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"
)

// noPrompt is what the service returns when it need not ask the person.
const noPrompt dbus.ObjectPath = "/"

// dismissTimeout bounds dismissing a prompt that is no longer needed.
const dismissTimeout = 2 * time.Second

const promptIface = "org.freedesktop.Secret.Prompt"

// prompt shows the service's own prompt and waits until it is answered. It
// accepts only the service's signal about this prompt: anybody on the bus can
// send a similar one.
func (c *client) prompt(ctx context.Context, path dbus.ObjectPath) error {
	if path == noPrompt {
		return nil
	}
	signals := make(chan *dbus.Signal, 16)
	c.conn.Signal(signals)
	defer c.conn.RemoveSignal(signals)
	if err := c.watch(ctx, path); err != nil {
		return err
	}
	err := call(ctx, c.object(path), promptIface+".Prompt", []any{""})
	if err == nil {
		err = c.await(ctx, path, signals)
	}
	if ctx.Err() != nil {
		c.dismiss(path)
	}
	return err
}

func (c *client) await(ctx context.Context, path dbus.ObjectPath, signals <-chan *dbus.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("unlock: %w", context.Cause(ctx))
		case signal, open := <-signals:
			if !open {
				return fmt.Errorf("unlock: %w", errVanished)
			}
			if done, err := c.completed(signal, path); done {
				return err
			}
		}
	}
}

// watch subscribes to the end of the prompt and to the end of the service.
func (c *client) watch(ctx context.Context, path dbus.ObjectPath) error {
	err := c.conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(c.owner), dbus.WithMatchObjectPath(path),
		dbus.WithMatchInterface(promptIface), dbus.WithMatchMember("Completed"))
	if err == nil {
		err = c.conn.AddMatchSignalContext(ctx, dbus.WithMatchSender("org.freedesktop.DBus"),
			dbus.WithMatchInterface("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"),
			dbus.WithMatchArg(0, c.owner))
	}
	if err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}

// completed tells whether signal ends the prompt, and how it ended.
func (c *client) completed(signal *dbus.Signal, path dbus.ObjectPath) (done bool, err error) {
	switch {
	case signal.Sender == "org.freedesktop.DBus" && signal.Name == "org.freedesktop.DBus.NameOwnerChanged" &&
		len(signal.Body) > 0 && signal.Body[0] == c.owner:
		return true, fmt.Errorf("unlock: %w", errVanished)
	case signal.Sender == c.owner && signal.Path == path && signal.Name == promptIface+".Completed":
		var dismissed bool
		var result dbus.Variant
		if err := dbus.Store(signal.Body, &dismissed, &result); err != nil {
			return true, fmt.Errorf("unlock: %w", err)
		}
		if dismissed {
			return true, fmt.Errorf("unlock: %w", ErrDismissed)
		}
		return true, nil
	}
	return false, nil
}

func (c *client) dismiss(path dbus.ObjectPath) {
	ctx, cancel := context.WithTimeout(context.Background(), dismissTimeout)
	defer cancel()
	c.object(path).CallWithContext(ctx, promptIface+".Dismiss", 0)
}
