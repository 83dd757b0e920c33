package confirm

import (
	"errors"
	"os"
)

var errNoConsole = errors.New("confirm: questions on a console are not supported on Windows yet\n" +
	"install Gpg4win's pinentry-qt and set prompt = \"pinentry\"")

func checkTerminal(*os.File) error           { return errNoConsole }
func setMode(*os.File, bool) (func(), error) { return nil, errNoConsole }
func flush(*os.File) error                   { return errNoConsole }
func again(*os.File) (*os.File, error)       { return nil, errNoConsole }
func exclusive(*os.File, bool) error         { return errNoConsole }
