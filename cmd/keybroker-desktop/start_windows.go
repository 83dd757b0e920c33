package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows"
)

func init() { parts["start"] = start }

// start starts the broker and the tray icon at logon. Both are programs of the console,
// which Windows would show a window for.
func start([]string) int {
	me, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "keybroker-desktop:", err)
		return 1
	}
	broker := filepath.Join(filepath.Dir(me), "keybroker.exe")
	for _, part := range []string{"daemon", "tray"} {
		cmd := exec.Command(broker, part)
		cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW | windows.CREATE_NEW_PROCESS_GROUP}
		if err := cmd.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "keybroker-desktop:", err)
			return 1
		}
	}
	return 0
}
