//go:build unix

package terminal

// Path is the terminal of this process, whatever its input is.
const Path = "/dev/tty"
