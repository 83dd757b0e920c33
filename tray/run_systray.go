//go:build linux || windows || (darwin && cgo)

package tray

import (
	"context"
	"sync"

	"fyne.io/systray"
)

// Run shows the icon until ctx ends, the person hides it, or the desktop goes
// away. On a desktop without a tray it waits for one and shows nothing.
// The library can be run once in a process, and wants the main goroutine.
func Run(ctx context.Context, config Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	notifier, leave, err := join(ctx, cancel, config.Log)
	if err != nil {
		return err
	}
	defer leave()
	t := &tray{Config: config, notifier: notifier}
	var following sync.WaitGroup
	ready := func() { // the library shows the menu when this returns
		t.screen = newMenu(ctx, t)
		following.Go(func() { t.follow(ctx) })
	}
	stop := context.AfterFunc(ctx, systray.Quit)
	defer stop()
	systray.Run(ready, cancel)
	following.Wait()
	return nil
}
