package platform

import (
	"errors"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"
	"sync"

	"github.com/keybroker/keybroker/problem"
)

// Plain is what happened, for a person: without the names of system calls.
func Plain(err error) string {
	text := err.Error()
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		text = strings.Replace(text, path.Error(), path.Path+": "+path.Err.Error(), 1)
	}
	return PlainText(text)
}

// PlainText takes the names of calls to the network out of the text of an error.
func PlainText(text string) string { return dialed().ReplaceAllString(text, "$1: ") }

// Explain returns what happened, on one line, and what to do about it, or "" if that is
// not known.
func Explain(err error) (what, remedy string) {
	return oneLine.Replace(Plain(err)), strings.Join(problem.Remedies(err), "; ")
}

// Text returns what happened and, on further lines, what to do about it.
func Text(err error) string {
	return strings.Join(append([]string{Plain(err)}, problem.Remedies(err)...), "\n")
}

// oneLine joins lines: a list behind a colon, and its parts.
var oneLine = strings.NewReplacer(":\n", ": ", "\n", "; ")

// dialed matches Go's text for a connection that failed.
var dialed = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b(?:dial|read|write) unix (\S+): (?:connect|read|write): `)
})

// PlainAttr writes errors into a log as people read them: slog.HandlerOptions.ReplaceAttr.
func PlainAttr(_ []string, attr slog.Attr) slog.Attr {
	if err, ok := attr.Value.Any().(error); ok {
		attr.Value = slog.StringValue(Text(err))
	}
	return attr
}
