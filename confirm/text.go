package confirm

import (
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// How much of a value that another program chose is shown. A value is clipped
// in its middle, so that both ends can be read, and must not fill the window.
const (
	maxValue = 96  // a host, an account, a comment, a namespace
	maxLong  = 160 // the chain of programs, an error, a rule's name
	maxNames = 3   // names of one host
	maxHops  = 3   // hosts that an agent was forwarded through
	minValue = 6   // when everything must fit in a small space
	minPath  = 16  // likewise, of a program's file
	// Below smallValue no more than maxSmallHops are named.
	smallValue   = 10
	maxSmallHops = 2
	ownValues    = 64 // what we computed ourselves: a fingerprint, a key type
)

// Line is one fact of a prompt. Its text is escaped and has no line break.
type Line struct {
	Label string     // "Where", "Account"; "" continues the line above
	Trust keys.Trust // of a fact about the destination; "" for the others
	Text  string
	Look  question.Look // of the text, where there is more than one kind of letter
}

// Marks of what is no destination.
const (
	trustForwarded keys.Trust = "forwarded"  // asked for on another machine
	trustOtherName keys.Trust = "other name" // the host is not the one that was typed
)

// String is the line as a prompt shows it. The mark comes first in the text:
// no value that follows it can pass for it.
func (l Line) String() string {
	if l.Label == "" {
		return "    " + l.Value()
	}
	return l.Label + ": " + l.Value()
}

// Value is the text behind its mark.
func (l Line) Value() string {
	switch l.Trust {
	case keys.TrustVerified:
		return "[verified] " + l.Text
	case keys.TrustNew:
		return "[new host] " + l.Text
	case keys.TrustClaimed:
		return "[claimed only] " + l.Text
	case keys.TrustNone:
		return "[unknown] " + l.Text
	case trustForwarded, trustOtherName:
		return "[" + string(l.Trust) + "] " + l.Text
	}
	return l.Text
}

// Text says what a person must know before the answer: a headline, then what
// is signed, where it leads, who asks, the key, and why it is asked. Every
// value that another program chose is escaped and clipped.
func Text(q Question) (title string, lines []Line) { return writer{maxValue, maxLong}.text(q) }

// fittingText is Text with values clipped so far that fits accepts it: no
// program may push another fact out of the window by a long name of its own.
func fittingText(q Question, fits func(text string) bool) (string, error) {
	return fitting(fits, func(w writer) string {
		title, lines := w.text(q)
		return title + "\n\n" + joined(lines)
	})
}

func fitting(fits func(text string) bool, text func(writer) string) (string, error) {
	for _, w := range writers {
		if text := text(w); fits(text) {
			return text, nil
		}
	}
	return "", fmt.Errorf("%w into the prompt", errTooLong)
}

func joined(lines []Line) string {
	text := make([]string, len(lines))
	for i, line := range lines {
		text[i] = line.String()
	}
	return strings.Join(text, "\n")
}

// secretText is what a SecretQuestion shows above the place to type, clipped so
// far that fits accepts it.
func secretText(q SecretQuestion, fits func(text string) bool) (string, error) {
	if !q.Facts {
		return cleanLines(q.Text), nil
	}
	return withFacts(q.Text, q.question(), fits)
}

func noticeText(n Notice, fits func(text string) bool) (string, error) {
	if n.Use == nil {
		return cleanLines(n.Text), nil
	}
	return withFacts(n.Text, n.question(), fits)
}

// withFacts leaves out the headline: the title leads with it.
func withFacts(text string, q Question, fits func(text string) bool) (string, error) {
	if text = cleanLines(text); text != "" {
		text += "\n\n"
	}
	return fitting(fits, func(w writer) string {
		_, lines := w.text(q)
		return text + joined(lines)
	})
}

// writer writes facts with values of at most so many characters.
type writer struct{ value, long int }

// writers are tried one after the other until everything stands on the screen.
// The first ones leave to the screen to break what is long.
var writers = []writer{{maxValue, maxLong}, {64, 107}, {48, 80}, {32, 53}, {21, 35}, {14, 23}, {9, 15}, {minValue, 10}}

func (w writer) text(q Question) (title string, lines []Line) {
	use := q.Use
	if use == nil {
		return "Allow an unknown request?", []Line{{Label: "What", Text: "nothing is known about it"}}
	}
	lines = append(lines, w.what(use))
	switch {
	case use.Op != keys.OpSign:
	case use.Purpose.Kind == wire.KindSSHSig: // goes to no host, but may come from one
		lines = append(lines, w.through(use.Destination)...)
	case use.Purpose.Kind != wire.KindLogin && use.Purpose.Kind.Known():
		lines = append(append(lines, w.otherFacts(use.Purpose)...), w.through(use.Destination)...)
	case use.Purpose.Kind != wire.KindLogin:
		lines = append(append(lines, w.otherFacts(use.Purpose)...), w.where(use.Destination)...)
	default:
		lines = append(lines, w.where(use.Destination)...)
	}
	if q.Burst != nil && len(q.Burst.Hosts) > 0 {
		lines = append(lines, q.Burst.hostLines()...)
	}
	lines = append(lines, w.who(use.Peer)...)
	if use.Socket != "" {
		lines = append(lines, Line{Label: "Through", Text: "socket " + quote(use.Socket, w.value)})
	}
	lines = append(lines, w.which(use.Key)...)
	if q.Of > 1 {
		lines = append(lines, Line{Label: "Queue", Text: fmt.Sprintf("1 of %d waiting", q.Of)})
	}
	if q.History != "" {
		lines = append(lines, Line{Label: "Before", Text: foreign(q.History, w.long)})
	}
	if q.Why != "" {
		lines = append(lines, Line{Label: "Asked", Text: foreign(q.Why, w.long)})
	}
	return w.headline(use) + q.Burst.among() + "?", lines
}

// leading is the title of what needs more than an answer: first what for, then
// what the hand is for.
func leading(title string, use *keys.Use) string {
	if use == nil || use.Op != keys.OpSign {
		return title
	}
	return writer{maxValue, maxLong}.headline(use) + ": " + title
}
