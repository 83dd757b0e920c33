package cli

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/keybroker/keybroker/platform/terminal"
)

// Exit codes of every command.
const (
	ExitDone       = 0
	ExitFailed     = 1
	ExitUsage      = 2
	ExitRefused    = 3 // by a rule or by the person
	ExitNotRunning = 4

	ExitInterrupted = 128 + int(syscall.SIGINT) // as in a shell
)

// ExitCode is the exit code of err, as far as it can be told from the errors that all
// command lines share.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return ExitDone
	case errors.Is(err, terminal.ErrInterrupted):
		return ExitInterrupted
	case IsA[UsageError](err):
		return ExitUsage
	case IsA[RefusedError](err):
		return ExitRefused
	default:
		return ExitFailed
	}
}

// UsageError marks an error in the command line.
type UsageError struct{ error }

// Usage marks err as an error in the command line.
func Usage(err error) error { return UsageError{err} }

func (e UsageError) Unwrap() error { return e.error }

// RefusedError marks a refusal by a rule or a person.
type RefusedError struct{ error }

// Refused marks err as a refusal by a rule or a person.
func Refused(err error) error { return RefusedError{err} }

func (e RefusedError) Unwrap() error { return e.error }

// ExitStatus ends the program with an exit code, after all output is written.
type ExitStatus int

func (e ExitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// IsA reports whether err is or wraps a T.
func IsA[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
