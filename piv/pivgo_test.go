//go:build linux && cgo && !nopcsc

package piv

import (
	"bytes"
	"context"
	"errors"
	"testing"

	pivgo "github.com/go-piv/piv-go/v2/piv"

	"github.com/keybroker/keybroker/piv/pivtest"
)

func init() { moreOnPCSC["key for others"] = testManagementKeyForOthers }

// A management key of ours is where ykman, yubico-piv-tool and piv-go look for it.
func testManagementKeyForOthers(t *testing.T, r rig) {
	card := pivtest.NewCard(t, pivtest.YubiKey5())
	h := r.insert(t, 0, card)
	key := bytes.Repeat([]byte{5}, 24)
	err := asManager(t, h, func(ctx context.Context, a *Applet) error {
		return errors.Join(a.Verify(ctx, []byte(pivtest.DefaultPIN)), a.PutProtectedManagementKey(ctx, key), a.SetManagementKey(ctx, key))
	})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, asManager(t, h, func(context.Context, *Applet) error { return nil }), ErrManagementKey)
	h.Release()
	other, err := pivgo.Open(h.Reader())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	found, err := other.Metadata(pivtest.DefaultPIN)
	if err != nil || found.ManagementKey == nil || !bytes.Equal(*found.ManagementKey, key) {
		t.Errorf("%+v, %v", found, err)
	}
}
