package terminal

import "golang.org/x/sys/windows"

// Path is the console of this process, even if standard input is not.
const Path = "CONIN$"

// hide turns off the echo of the console; Ctrl-C still sends a signal.
func hide(fd int) error {
	console := windows.Handle(fd)
	var mode uint32
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return err
	}
	mode &^= windows.ENABLE_ECHO_INPUT
	mode |= windows.ENABLE_PROCESSED_INPUT | windows.ENABLE_LINE_INPUT
	return windows.SetConsoleMode(console, mode)
}
