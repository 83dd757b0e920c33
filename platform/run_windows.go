package platform

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// hideConsole gives the program a console without a window. A program that draws gets
// none either way.
func hideConsole(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW}
}
