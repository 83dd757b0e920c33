//go:build darwin && cgo

package keychain

import (
	"context"
	"errors"

	gokeychain "github.com/keybase/go-keychain"
)

// System returns the operating system's keychain. dir is not used on macOS.
func System(dir string) Keychain { return loginKeychain{} }

// loginKeychain is the login keychain. The system's own prompts cannot be
// dismissed, so ctx is checked only before and after them.
type loginKeychain struct{}

func (loginKeychain) Name() string { return "keychain" }

func (loginKeychain) Available(ctx context.Context) error { return ctx.Err() }

func (loginKeychain) Load(ctx context.Context, attributes Attributes) ([]byte, error) {
	query := item(attributes)
	query.SetMatchLimit(gokeychain.MatchLimitOne)
	query.SetReturnData(true)
	found, err := gokeychain.QueryItem(query)
	if err != nil {
		return nil, state(err)
	}
	if len(found) == 0 {
		return nil, state(gokeychain.ErrorItemNotFound)
	}
	if ctx.Err() != nil {
		clear(found[0].Data)
		return nil, context.Cause(ctx)
	}
	return found[0].Data, nil
}

func (k loginKeychain) Store(ctx context.Context, attributes Attributes, secret []byte) error {
	if err := k.Delete(ctx, attributes); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	add := item(attributes)
	add.SetLabel("keybroker: opens your sealed SSH keys")
	add.SetData(secret)
	add.SetSynchronizable(gokeychain.SynchronizableNo)
	add.SetAccessible(gokeychain.AccessibleWhenUnlockedThisDeviceOnly)
	return state(gokeychain.AddItem(add))
}

func (loginKeychain) Delete(ctx context.Context, attributes Attributes) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return state(gokeychain.DeleteItem(item(attributes)))
}

// item names a generic password. macOS has only two names for one, service and
// account.
func item(attributes Attributes) gokeychain.Item {
	item := gokeychain.NewItem()
	item.SetSecClass(gokeychain.SecClassGenericPassword)
	item.SetService(attributes["service"] + " " + attributes["kind"])
	item.SetAccount(attributes["vault"])
	return item
}

func state(err error) error {
	switch err {
	case nil:
		return nil
	case gokeychain.ErrorItemNotFound:
		return ErrNotFound
	case gokeychain.ErrorInteractionNotAllowed:
		return ErrLocked
	case gokeychain.ErrorUserCanceled:
		return ErrDismissed
	case gokeychain.ErrorNotAvailable:
		return ErrAbsent
	}
	return err
}
