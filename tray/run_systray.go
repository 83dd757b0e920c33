//go:build linux || windows || (darwin && cgo)

package tray

import (
	"context"

	"fyne.io/systray"
)

// Run shows the icon until ctx ends, the person hides it, or the desktop ends. On a
// desktop without a tray it waits for one. Call it once, on the main goroutine: the
// library demands both.
func Run(ctx context.Context, config Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	notifier, leave, err := join(ctx, cancel, config.Log)
	if err != nil {
		return err
	}
	defer leave()
	t := &tray{Config: config, notifier: notifier}
	ready := func() { // the library shows the menu once this returns
		t.screen = newMenu(ctx, cancel, t)
		t.running.Go(func() { t.follow(ctx) })
	}
	// Drawing must end before the library quits: it would panic.
	stop := context.AfterFunc(ctx, func() { t.running.Wait(); systray.Quit() })
	defer stop()
	systray.Run(ready, cancel)
	t.running.Wait()
	return nil
}
