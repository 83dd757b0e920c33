//go:build unix

package terminal

// Path is the terminal of this process, even if standard input is not.
const Path = "/dev/tty"
