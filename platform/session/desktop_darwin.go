package session

import (
	"context"
	"fmt"
	"sync"

	"github.com/ebitengine/purego"
)

// The parts that watchDesktop watches, as notes name them.
const (
	partScreen = "screen"
	partPower  = "power"
)

// source is who says that something happened.
const source = "macOS"

// The libraries that are called here. They are in the shared cache of every macOS, not
// on the disk.
const (
	coreFoundation = "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation"
	coreGraphics   = "/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics"
	ioKit          = "/System/Library/Frameworks/IOKit.framework/IOKit"
)

// blind is what is not noticed while a part cannot be reached.
func blind() map[string]string {
	return map[string]string{
		partScreen: "locking the screen is not noticed",
		partPower:  "sleep is found only afterwards",
	}
}

// watchDesktop watches the screen and sleep. At the end of the session launchd ends the
// broker, and with it everything that it holds. The files for macOS in this package
// were never run.
func (w *Watcher) watchDesktop(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { w.keepListening(ctx, partScreen, func() error { return w.watchScreen(ctx) }) })
	power := newPowerCallback(w)
	parts.Go(func() { w.keepListening(ctx, partPower, func() error { return power.listen(ctx) }) })
	parts.Wait()
}

// bind makes each function of the list call the library's one of that name.
func bind(library string, functions map[string]any) error {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return err
	}
	for name, function := range functions {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		purego.RegisterFunc(function, symbol)
	}
	return nil
}

// utf8 is kCFStringEncodingUTF8.
const utf8 = 0x08000100
