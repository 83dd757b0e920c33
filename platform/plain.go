package platform

import (
	"errors"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"
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
	return PlainText(text)
}

// PlainText takes the names of packages out of the text of an error, and those of
// calls to the network.
func PlainText(text string) string {
	return packageName.ReplaceAllString(dialed.ReplaceAllString(text, "$1: "), "$1")
}

// Parted is such a text in two: what happened, on one line, and what to do, which
// is the last line where there are several.
func Parted(text string) (what, remedy string) {
	text = PlainText(text)
	if end := strings.LastIndexByte(text, '\n'); end >= 0 {
		text, remedy = text[:end], text[end+1:]
	}
	return oneLine.Replace(text), remedy
}

// Explain is the text of an error for a person, in the same two.
func Explain(err error) (what, remedy string) { return Parted(Plain(err)) }

// oneLine joins lines: a list behind a colon, and its parts.
var oneLine = strings.NewReplacer(":\n", ": ", "\n", "; ")

// dialed is how Go names a connection that failed.
var dialed = regexp.MustCompile(`\b(?:dial|read|write) unix (\S+): (?:connect|read|write): `)

// PlainAttr writes errors into a log as people read them: slog.HandlerOptions.ReplaceAttr.
func PlainAttr(_ []string, attr slog.Attr) slog.Attr {
	if err, ok := attr.Value.Any().(error); ok {
		attr.Value = slog.StringValue(Plain(err))
	}
	return attr
}
