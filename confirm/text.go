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
	MaxValue = 96  // a host, an account, a comment, a namespace
	MaxLong  = 160 // the chain of programs, an error, a rule's name
	maxNames = 3   // names of one host
	maxHops  = 3   // hosts that an agent was forwarded through
	minValue = 6   // when everything must fit in a small space
	minPath  = 16  // likewise, of a program's file
	// Below smallValue no more than maxSmallHops are named.
	smallValue   = 10
	maxSmallHops = 2
	ownValues    = 64 // what we computed ourselves: a fingerprint, a key type
)

// Text says what a person must know before the answer: a headline, then what
// is signed, where it leads, who asks, the key, and why it is asked. Every
// value that another program chose is escaped and clipped.
func Text(q Question) (title string, lines []question.Line) { return Longest.Text(q) }

// FittingText is what Text returns as one text, with values clipped so far that
// fits accepts it: no program may push another fact out of the window by a long
// name of its own.
func (q Question) FittingText(fits func(text string) bool) (string, error) {
	return fitting(fits, func(w Wording) string {
		title, lines := w.Text(q)
		return title + "\n\n" + joined(lines)
	})
}

// FittingText is what is shown between the title and the place to type.
func (q SecretQuestion) FittingText(fits func(text string) bool) (string, error) {
	if !q.Facts {
		return EscapeLines(q.Text), nil
	}
	return withFacts(q.Text, q.Question(), fits)
}

// FittingText is what is shown below the title.
func (n Notice) FittingText(fits func(text string) bool) (string, error) {
	if n.Use == nil {
		return EscapeLines(n.Text), nil
	}
	return withFacts(n.Text, n.Question(), fits)
}

// withFacts leaves out the headline: the title leads with it.
func withFacts(text string, q Question, fits func(text string) bool) (string, error) {
	if text = EscapeLines(text); text != "" {
		text += "\n\n"
	}
	return fitting(fits, func(w Wording) string {
		_, lines := w.Text(q)
		return text + joined(lines)
	})
}

func fitting(fits func(text string) bool, text func(Wording) string) (string, error) {
	for _, w := range Wordings() {
		if text := text(w); fits(text) {
			return text, nil
		}
	}
	return "", fmt.Errorf("%w into the prompt", ErrTooLong)
}

func joined(lines []question.Line) string {
	text := make([]string, len(lines))
	for i, line := range lines {
		text[i] = line.String()
	}
	return strings.Join(text, "\n")
}

// Wording writes facts with values of at most so many characters.
type Wording struct{ value, long int }

var (
	// Longest is the wording for a prompt that breaks what is long by itself.
	Longest = Wording{MaxValue, MaxLong}
	// Shortest is the last one that is tried.
	Shortest = Wording{minValue, 10}
)

// Wordings are to be tried one after the other until everything stands on the
// screen: from Longest to Shortest.
func Wordings() []Wording {
	return []Wording{Longest, {64, 107}, {48, 80}, {32, 53}, {21, 35}, {14, 23}, {9, 15}, Shortest}
}

// Text is the headline and the facts, in this wording.
func (w Wording) Text(q Question) (title string, lines []question.Line) {
	use := q.Use
	if use == nil {
		return "Allow an unknown request?", []question.Line{{Label: "What", Text: "nothing is known about it"}}
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
	if q.Burst.Lists() {
		lines = append(lines, q.Burst.hostLines()...)
	}
	lines = append(lines, w.who(use.Peer)...)
	if use.Socket != "" {
		lines = append(lines, question.Line{Label: "Through", Text: "socket " + quote(use.Socket, w.value)})
	}
	lines = append(lines, w.which(use.Key)...)
	if q.Of > 1 {
		lines = append(lines, question.Line{Label: "Queue", Text: fmt.Sprintf("1 of %d waiting when this appeared", q.Of)})
	}
	if q.History != "" {
		lines = append(lines, question.Line{Label: "Before", Text: Escape(q.History, w.long)})
	}
	if q.Why != "" {
		lines = append(lines, question.Line{Label: "Asked", Text: Escape(q.Why, w.long)})
	}
	return w.headline(use) + q.Burst.among() + "?", lines
}

// leading is the title of what needs more than an answer: first what for, then
// what the hand is for.
func leading(title string, use *keys.Use) string {
	if use == nil || use.Op != keys.OpSign {
		return title
	}
	return Longest.headline(use) + ": " + title
}
