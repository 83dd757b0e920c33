//go:build windows || (darwin && cgo)

package tray

import "context"

// silent stands in on systems that have no notifications here.
type silent struct{}

func (silent) notify(context.Context, string, string, string) error { return nil }

func (silent) clear(context.Context) {}
