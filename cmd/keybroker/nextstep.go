package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/keybroker/keybroker/problem"
	"github.com/keybroker/keybroker/softkeys"
)

// sayNextStep says what to do with the public key that was just printed. It goes to
// standard error, because the key itself is often redirected to a file.
func sayNextStep(w io.Writer, key string) {
	fmt.Fprintf(w, `
That line goes into ~/.ssh/authorized_keys on a host, or to your forge as an SSH key.
To sign git commits with it: %s keys git %s
`, self(), key)
}

// errorText is the output of a failed command: what happened, and what to do about it.
func errorText(err error) string {
	if errors.Is(err, confirm.ErrClosed) {
		err = terminal.ErrInterrupted
	}
	if step := nextStep(err); step != "" {
		err = problem.WithDefault(err, "%s", step)
	}
	return platform.Text(err)
}

// nextStep is the remedy of an error of a file. The packages that read files do not know
// what the file is for.
func nextStep(err error) string {
	path, isPath := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, softkeys.ErrPassphraseWrong):
		return "run it again with the passphrase of that file"
	case cli.IsA[*softkeys.UnsupportedError](err), errors.Is(err, softkeys.ErrNotPrivate):
		return "give a private key file as ssh-keygen, openssl or PuTTYgen writes it, or make a key: keybroker keys generate NAME"
	case !isPath:
		return ""
	case errors.Is(err, fs.ErrNotExist):
		return "check the path: ls -ld " + platform.ShellWord(filepath.Dir(path.Path))
	case errors.Is(err, fs.ErrPermission):
		return "see who may read it: ls -ld " + platform.ShellWord(path.Path)
	case errors.Is(err, syscall.EISDIR):
		return "give a file, not a directory"
	}
	return ""
}
