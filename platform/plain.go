package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"regexp"
	"strings"
	"syscall"
)

// packageName is the name of a package of ours before an error, at the start of
// a line or behind another part. Developers want it there; people do not.
var packageName = regexp.MustCompile(`(?m)(^|: )(?:(?:admin|agent|assuan|audit|bus|cards|certificates|confirm|control|fido|keychain|pinentry|` +
	`piv|pkcs11|platform|policy|pubformat|question|session|softkeys|sshadd|terminal|tray|upstream|window|wire): )+`)

// Plain is the text of an error for a person: without the names of packages,
// and without the names of system calls.
func Plain(err error) string {
	text := err.Error()
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		text = strings.Replace(text, path.Error(), path.Path+": "+path.Err.Error(), 1)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
		if cause, ok := errors.AsType[syscall.Errno](op.Err); ok {
			text = strings.Replace(text, op.Error(), fmt.Sprintf("%s: %s", op.Addr, cause), 1)
		}
	}
	return PlainText(text)
}

// PlainText takes the names of packages out of the text of an error.
func PlainText(text string) string { return packageName.ReplaceAllString(text, "$1") }
