package platform

import (
	"io"
	"time"
)

// Conn is this process's end of a connection to a program that it started: the
// other end is that program's standard input and output.
type Conn interface {
	io.ReadWriteCloser
	// CloseWrite ends the program's input.
	CloseWrite() error
	// SetDeadline ends reads and writes. On Windows it does nothing: killing the
	// program ends them.
	SetDeadline(time.Time) error
}
