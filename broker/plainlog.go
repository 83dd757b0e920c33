package broker

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// maxLogText bounds each text of a line: other programs choose some of them.
const maxLogText = 2000

// plainLog writes the log for a person at a terminal: the time of day, what happened, and on
// the next line what to do. Files and the journal get the form that slog has for programs.
type plainLog struct {
	to    io.Writer
	attrs []slog.Attr
}

var levelWords = map[slog.Level]string{slog.LevelWarn: "warning: ", slog.LevelError: "error: "}

// Enabled implements slog.Handler.
func (p plainLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler.
func (p plainLog) Handle(_ context.Context, r slog.Record) error {
	var facts, remedies []string
	why := ""
	write := func(a slog.Attr) bool {
		text := a.Value.String()
		err, isError := a.Value.Any().(error)
		if isError {
			remedy := ""
			if text, remedy = platform.Explain(err); remedy != "" {
				remedies = append(remedies, platform.Escape(remedy, maxLogText))
			}
		}
		switch text = platform.Escape(text, maxLogText); {
		case a.Key == "remedy":
			remedies = append(remedies, text)
		case isError:
			why += ": " + text
		default:
			facts = append(facts, a.Key+" "+text)
		}
		return true
	}
	for _, a := range p.attrs {
		write(a)
	}
	r.Attrs(write)
	line := r.Time.Format(time.TimeOnly) + " " + levelWords[r.Level] + platform.Escape(r.Message, maxLogText) + why
	if len(facts) > 0 {
		line += " (" + strings.Join(facts, ", ") + ")"
	}
	for _, remedy := range remedies {
		line += "\n         " + remedy
	}
	_, err := io.WriteString(p.to, line+"\n")
	return err
}

// WithAttrs implements slog.Handler.
func (p plainLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return plainLog{p.to, slices.Concat(p.attrs, attrs)}
}

// WithGroup implements slog.Handler. The broker groups nothing.
func (p plainLog) WithGroup(string) slog.Handler { return p }
