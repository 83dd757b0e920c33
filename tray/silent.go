//go:build windows || (darwin && cgo)

package tray

import "context"

// silent is for systems where notifications are not built yet.
type silent struct{}

func (silent) notify(context.Context, string, string, string) error { return nil }

func (silent) clear(context.Context) {}
