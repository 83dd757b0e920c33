package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/softkeys"
)

// sayNextStep tells what to do with the public key that was just printed. It
// goes to standard error, since the key itself is often redirected to a file.
func sayNextStep(w io.Writer, key string) {
	fmt.Fprintf(w, `
That line goes into ~/.ssh/authorized_keys on a host, or to your forge as an SSH key.
To sign git commits with it: %s keys git %s
`, self(), key)
}

// sayable is what a failed command says: what happened, and what to do about it.
// Errors of files say the latter here, since no part knows what a file is for.
func sayable(err error) string {
	text := platform.Plain(err)
	if strings.Contains(text, "\n") {
		return text
	}
	path, isPath := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, softkeys.ErrPassphraseWrong):
		return text + "\nrun it again with the passphrase of that file"
	case isA[*softkeys.UnreadError](err), errors.Is(err, softkeys.ErrNotPrivate):
		return text + "\ngive a private key file as ssh-keygen, openssl or PuTTYgen writes it, or make a key: keybroker keys generate NAME"
	case !isPath:
		return text
	case errors.Is(err, fs.ErrNotExist):
		return text + "\ncheck the path: ls -ld " + filepath.Dir(path.Path)
	case errors.Is(err, fs.ErrPermission):
		return text + "\nsee who may read it: ls -ld " + path.Path
	case errors.Is(err, syscall.EISDIR):
		return text + "\ngive a file, not a directory"
	}
	return text
}
