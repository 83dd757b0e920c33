package cardadmin

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// ownManagementKey makes the management key a secret of this card, protected by the PIN.
func (s *setup) ownManagementKey(ctx context.Context) error {
	key := piv.DefaultManagementKey()
	err := s.tryManagement(ctx, key)
	if errors.Is(err, piv.ErrManagementKey) {
		key, err = s.protectedManagement(ctx)
		if err == nil {
			s.management = key
			return s.markManagement(ctx)
		}
	}
	if errors.Is(err, piv.ErrManagementKey) {
		key, err = s.typedManagement(ctx)
		if errors.Is(err, piv.ErrManagementKey) {
			fmt.Fprintln(s.say, "The management key is unchanged. Nothing more can be done without it.")
			s.keyless = true
			return nil
		}
	}
	if err != nil {
		return err
	}
	s.management = key
	yes, err := s.agreed(ctx, "Replace the management key with a random one, kept on the card under the PIN?")
	if err != nil || !yes {
		return err
	}
	return s.protectManagement(ctx)
}

// protectManagement replaces the management key. It can be interrupted at any point:
// the new key is on the card, under the PIN, before it is in force.
func (s *setup) protectManagement(ctx context.Context) error {
	if err := s.needPIN(ctx); err != nil {
		return err
	}
	if string(s.pin) == admin.DefaultPIN {
		fmt.Fprintln(s.say, "The management key is unchanged: under the factory's PIN it would be no secret.")
		return nil
	}
	var fresh []byte
	defer func() { clear(fresh) }()
	s.changed = true
	err := s.do(ctx, func(a *piv.Applet) (err error) {
		if fresh, err = a.NewManagementKey(ctx); err != nil {
			return err
		}
		return s.replaceManagement(ctx, a, fresh)
	})
	if errors.Is(err, piv.ErrOccupied) {
		fmt.Fprintf(s.say, "The management key is unchanged: %s.\n", platform.Plain(err))
		return nil
	}
	var refused piv.Status
	if errors.As(err, &refused) {
		return problem.With(fmt.Errorf("the management key is unchanged: %w", refused), "PIN and PUK are what you set; to go on without this step, run setup again and answer n to it")
	}
	if err != nil {
		return err
	}
	clear(s.management)
	s.management = append([]byte(nil), fresh...)
	if err := s.markManagement(ctx); err != nil {
		return err
	}
	fmt.Fprintln(s.say, "The management key is a random one now, on the card under the PIN.")
	return nil
}

// replaceManagement stores the new key on the card and puts it in force. If the card
// refuses it, the stored key is deleted again: other programs would take it for the one
// in force.
func (s *setup) replaceManagement(ctx context.Context, a *piv.Applet, fresh []byte) error {
	if err := a.Verify(ctx, s.pin); err != nil {
		return err
	}
	if err := s.proveManagement(ctx, a, s.management); err != nil {
		return err
	}
	if err := putProtected(ctx, a, fresh); err != nil {
		return err
	}
	err := a.SetManagementKey(ctx, fresh)
	var refused piv.Status
	if errors.As(err, &refused) {
		if undone := a.DropProtectedManagementKey(ctx); undone != nil {
			fmt.Fprintf(s.say, "The new management key, which is not in force, could not be deleted from the card: %v.\n", undone)
		}
	}
	return err
}

// putProtected stores the key on the card and reads it back: once it is in force,
// nobody else has it.
func putProtected(ctx context.Context, a *piv.Applet, key []byte) error {
	if err := a.PutProtectedManagementKey(ctx, key); err != nil {
		return err
	}
	kept, err := a.ProtectedManagementKey(ctx)
	defer clear(kept)
	if err == nil && !bytes.Equal(kept, key) {
		err = errors.New("the card did not store the new management key: the old one stays in force")
	}
	return err
}

// markManagement sets the mark that tells other programs where the key is, unless it is
// set already.
func (s *setup) markManagement(ctx context.Context) error {
	return s.do(ctx, func(a *piv.Applet) error {
		marked, err := a.ManagementKeyMarked(ctx)
		if err != nil || marked {
			return err
		}
		if err := s.proveManagement(ctx, a, s.management); err != nil {
			return err
		}
		s.changed = true
		return a.MarkManagementKey(ctx)
	})
}
