package tray

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sys/windows"
)

// mutexName is owned by the one tray that runs. "Local" is the person's session.
const mutexName = `Local\org.keybroker.Tray`

func join(context.Context, context.CancelFunc, *slog.Logger) (notifier, func(), error) {
	name, err := windows.UTF16PtrFromString(mutexName)
	if err != nil {
		return nil, nil, err
	}
	mutex, err := windows.CreateMutex(nil, false, name)
	switch {
	case errors.Is(err, windows.ERROR_ALREADY_EXISTS):
		_ = windows.CloseHandle(mutex)
		return nil, nil, errors.New("a tray runs already")
	case err != nil:
		return nil, nil, fmt.Errorf("CreateMutex: %w", err)
	}
	return silent{}, func() { _ = windows.CloseHandle(mutex) }, nil
}

func iconFile(s state) []byte { return iconICO(s) }
