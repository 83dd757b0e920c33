package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// desktopProgram draws the tray icon. It is installed beside this program.
const desktopProgram = "keybroker-desktop"

func newTrayCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "tray",
		Short: "Show the broker's state in the desktop's panel",
		Long: `Show an icon in the desktop's panel: whether the broker is ready, locked, paused
or waiting for you, whether a card is in, whether something is wrong. Its menu
has the recent activity, the grants in force, pause, lock and the public keys. The
same is available as commands: status, log, grants, pause, lock, keys.

The icon stays until the desktop session ends, whether the broker runs or not. It
cannot allow anything.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := a.load(); err != nil {
				return err
			}
			program, err := besideMe(desktopProgram)
			if err != nil {
				return err
			}
			return platform.Become(program, "tray", "--control", a.config.Paths.ControlSocket,
				"--notify", strings.Join(a.config.Tray.Notify, ","))
		},
	}
}

// besideMe finds a program in the directory of this one: PATH may lead to another
// version, or to another program.
func besideMe(name string) (string, error) {
	me, err := os.Executable()
	if err == nil {
		me, err = filepath.EvalSymlinks(me)
	}
	if err != nil {
		return "", fmt.Errorf("the path of this program is unknown: %w", err)
	}
	path := filepath.Join(filepath.Dir(me), name+filepath.Ext(me))
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", problem.With(fmt.Errorf("there is no %s", path), "install it there: it comes with keybroker")
	}
	return path, nil
}
