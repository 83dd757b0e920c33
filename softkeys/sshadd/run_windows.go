package sshadd

import (
	"context"
	"errors"
	"io"
)

// Supported reports whether Convert works on this system.
const Supported = false

// Variable is never set here.
const Variable = "KEYBROKER_IMPORT_ASKPASS"

// Answer is never called here.
func Answer(io.Writer) error { return errors.ErrUnsupported }

type run struct{}

func start(context.Context, Config, string, []byte) (*run, error) { return nil, errors.ErrUnsupported }
func (*run) pid() int                                             { return 0 }
func (*run) wait() error                                          { return nil }
func (*run) passphraseError() error                               { return nil }
func (*run) complaint(err error) error                            { return err }
