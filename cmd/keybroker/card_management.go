package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/piv/admin"
	"github.com/keybroker/keybroker/platform"
)

// managementKeyBytes fits 3DES (before firmware 5.4) and AES-192.
const managementKeyBytes = 24

// ownManagementKey sees to it that the management key is the card's own secret,
// which the PIN protects.
func (s *cardSetup) ownManagementKey(ctx context.Context) error {
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
			fmt.Fprintln(s.say, "The management key is left as it is; without it there is nothing more to do.")
			s.keyless = true
			return nil
		}
	}
	if err != nil {
		return err
	}
	s.management = key
	yes, err := s.agreed(ctx, "Replace the management key by a random one, kept on the card under the PIN?")
	if err != nil || !yes {
		return err
	}
	return s.protectManagement(ctx)
}

// protectManagement replaces the management key. The order makes each moment
// safe for an interruption: the new key is on the card, under the PIN, before it
// is in force.
func (s *cardSetup) protectManagement(ctx context.Context) error {
	if err := s.needPIN(ctx); err != nil {
		return err
	}
	if string(s.pin) == admin.DefaultPIN {
		fmt.Fprintln(s.say, "The management key is left as it is: under the factory's PIN it would be no secret.")
		return nil
	}
	fresh := make([]byte, managementKeyBytes)
	_, _ = rand.Read(fresh) // never fails
	defer func() { clear(fresh) }()
	s.changed = true
	err := s.do(ctx, func(a *piv.Applet) error {
		if err := a.Verify(ctx, s.pin); err != nil {
			return err
		}
		if err := a.AuthenticateManagement(ctx, s.management); err != nil {
			return err
		}
		return putProtected(ctx, a, fresh)
	})
	if errors.Is(err, piv.ErrOccupied) {
		fmt.Fprintf(s.say, "The management key is left as it is: %s.\n", platform.Plain(err))
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := s.yubico(ctx, admin.Request{Op: admin.OpSetManagementKey,
		Secrets: admin.Secrets{ManagementKey: s.management, NewManagementKey: fresh}}); err != nil {
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

// putProtected keeps the key on the card and reads it again: once it is in
// force nobody else has it.
func putProtected(ctx context.Context, a *piv.Applet, key []byte) error {
	if err := a.PutProtectedManagementKey(ctx, key); err != nil {
		return err
	}
	kept, err := a.ProtectedManagementKey(ctx)
	defer clear(kept)
	if err == nil && !bytes.Equal(kept, key) {
		err = errors.New("the card does not keep the new management key: the old one stays in force")
	}
	return err
}

// markManagement sets the mark by which other programs know where the key is,
// unless it is there.
func (s *cardSetup) markManagement(ctx context.Context) error {
	return s.do(ctx, func(a *piv.Applet) error {
		marked, err := a.ManagementKeyMarked(ctx)
		if err != nil || marked {
			return err
		}
		if err := a.AuthenticateManagement(ctx, s.management); err != nil {
			return err
		}
		s.changed = true
		return a.MarkManagementKey(ctx)
	})
}
