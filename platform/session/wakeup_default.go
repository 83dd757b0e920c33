//go:build !linux

package session

import "context"

// wakeUps returns nil: here nothing wakes the broker after a sleep.
func wakeUps(context.Context) <-chan struct{} { return nil }
