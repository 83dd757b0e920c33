//go:build unix

package main

// ownTerminalName is the terminal of this process, whatever its input is.
const ownTerminalName = "/dev/tty"
