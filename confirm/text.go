package confirm

import (
	"errors"
	"strings"

	"github.com/keybroker/keybroker/agent/keys"
	"github.com/keybroker/keybroker/agent/wire"
)

// How much of a value that another program chose is shown. A value is clipped
// in its middle, so that both ends can be read, and must not fill the window.
const (
	maxValue  = 48 // a host, an account, a comment, a namespace
	maxLong   = 80 // the chain of programs, an error, a rule's name
	maxNames  = 3  // names of one host
	maxHops   = 3  // hosts that an agent was forwarded through
	minValue  = 6  // when everything must fit in a small space
	minPath   = 16 // likewise, of a program's file
	ownValues = 64 // what we computed ourselves: a fingerprint, a key type
)

// Line is one fact of a prompt. Its text is escaped and has no line break.
type Line struct {
	Label string     // "Where", "Account"; "" continues the line above
	Trust keys.Trust // of a fact about the destination; "" for the others
	Text  string
}

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
	for value := maxValue; value >= minValue; value = value * 2 / 3 {
		title, lines := writer{value, value * maxLong / maxValue}.text(q)
		text := []string{title, ""}
		for _, line := range lines {
			text = append(text, line.String())
		}
		if joined := strings.Join(text, "\n"); fits(joined) {
			return joined, nil
		}
	}
	return "", errors.New("the facts do not fit into the prompt")
}

// secretText is what a SecretQuestion shows above the place to type, clipped so
// far that fits accepts it.
func secretText(q SecretQuestion, fits func(text string) bool) (string, error) {
	if !q.Facts {
		return cleanLines(q.Text), nil
	}
	return withFacts(q.Text, Question{Use: q.Use, Why: q.Why, History: q.History}, fits)
}

func noticeText(n Notice, fits func(text string) bool) (string, error) {
	if n.Use == nil {
		return cleanLines(n.Text), nil
	}
	return withFacts(n.Text, Question{Use: n.Use, Why: n.Why, History: n.History}, fits)
}

func withFacts(text string, q Question, fits func(text string) bool) (string, error) {
	if text = cleanLines(text); text != "" {
		text += "\n\n"
	}
	facts, err := fittingText(q, func(facts string) bool { return fits(text + facts) })
	return text + facts, err
}

// writer writes facts with values of at most so many characters.
type writer struct{ value, long int }

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
	default:
		lines = append(lines, w.where(use.Destination)...)
	}
	lines = append(lines, w.who(use.Peer)...)
	if use.Socket != "" {
		lines = append(lines, Line{Label: "Through", Text: "socket " + quote(use.Socket, w.value)})
	}
	lines = append(lines, w.which(use.Key)...)
	if q.History != "" {
		lines = append(lines, Line{Label: "Before", Text: foreign(q.History, w.long)})
	}
	if q.Why != "" {
		lines = append(lines, Line{Label: "Asked", Text: foreign(q.Why, w.long)})
	}
	return w.headline(use), lines
}
