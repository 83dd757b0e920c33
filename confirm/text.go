package confirm

import (
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/desktop/question"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// Limits on how much of a value that another program chose is shown. A value is
// clipped in its middle, so that both ends stay readable.
const (
	MaxValue = 96  // a host, an account, a comment, a namespace
	MaxLong  = 160 // the chain of programs, an error, a rule's name
	maxNames = 3   // names of one host
	maxHops  = 3   // hosts that the agent was forwarded through
	minValue = 6   // any value, where everything must fit in a small space
	minPath  = 16  // likewise, the path of a program's file
	// When values are shorter than smallValue, at most maxSmallHops hosts are named.
	smallValue   = 10
	maxSmallHops = 2
	maxOwn       = 64 // a value that we computed: a fingerprint, a key type
)

// Text says what a person must know before answering: a headline, then what is
// signed, for which destination, who asks, the key, and why the question is asked.
// Every value that another program chose is escaped and clipped.
func Text(q Question) (title string, lines []question.Line) { return Longest.Text(q) }

// FittingText is Text as one string, with values clipped until fits accepts it: no
// program may push another fact out of the window by a long name.
func (q Question) FittingText(fits func(text string) bool) (string, error) {
	return fitting(fits, func(w Wording) string {
		title, lines := w.Text(q)
		return title + "\n\n" + joined(lines)
	})
}

// FittingText is the text between the title and the entry field.
func (q SecretQuestion) FittingText(fits func(text string) bool) (string, error) {
	if !q.Facts {
		return EscapeLines(q.Text), nil
	}
	return withFacts(q.Text, q.Question(), fits)
}

// FittingText is the text below the title.
func (n Notice) FittingText(fits func(text string) bool) (string, error) {
	if n.Use == nil {
		return EscapeLines(n.Text), nil
	}
	return withFacts(n.Text, n.Question(), fits)
}

// withFacts leaves out the headline, which the title begins with.
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

// Wording limits the characters of values in the facts.
type Wording struct{ value, long int }

var (
	// Longest is the wording for a prompt that breaks long lines itself.
	Longest = Wording{MaxValue, MaxLong}
	// Shortest is the wording that is tried last.
	Shortest = Wording{minValue, 10}
)

// Wordings are tried in order, from Longest to Shortest, until everything fits on
// the screen.
func Wordings() []Wording {
	return []Wording{Longest, {64, 107}, {48, 80}, {32, 53}, {21, 35}, {14, 23}, {9, 15}, Shortest}
}

// Text is the headline and the facts in this wording.
func (w Wording) Text(q Question) (title string, lines []question.Line) {
	use := q.Use
	if use == nil {
		return "Allow an unknown request?", []question.Line{{Label: "What", Text: "nothing is known about it"}}
	}
	lines = append(lines, w.whatLine(use))
	switch {
	case use.Op != keys.OpSign:
	case use.Purpose.Kind == wire.KindSSHSig: // has no destination, but may come from another host
		lines = append(lines, w.throughLines(use.Destination)...)
	case use.Purpose.Kind != wire.KindLogin && use.Purpose.Kind.Known():
		lines = append(append(lines, w.otherLines(use.Purpose)...), w.throughLines(use.Destination)...)
	case use.Purpose.Kind != wire.KindLogin:
		lines = append(append(lines, w.otherLines(use.Purpose)...), w.whereLines(use.Destination)...)
	default:
		lines = append(lines, w.whereLines(use.Destination)...)
	}
	if q.Burst.ListsHosts() {
		lines = append(lines, q.Burst.hostLines()...)
	}
	lines = append(lines, w.whoLines(use.Peer)...)
	if use.Socket != "" {
		lines = append(lines, question.Line{Label: "Through", Text: "socket " + quote(use.Socket, w.value)})
	}
	lines = append(lines, w.keyLines(use.Key)...)
	if q.Pending > 1 {
		lines = append(lines, question.Line{Label: "Queue", Text: fmt.Sprintf("1 of %d waiting when this appeared", q.Pending)})
	}
	if q.History != "" {
		lines = append(lines, question.Line{Label: "Before", Text: Escape(q.History, w.long)})
	}
	if q.Why != "" {
		lines = append(lines, question.Line{Label: "Asked", Text: Escape(q.Why, w.long)})
	}
	return w.headline(use) + q.Burst.headlineSuffix() + "?", lines
}

// withHeadline is the title of a prompt that asks for an action of the person, such
// as a touch: the headline of the use, then the action.
func withHeadline(title string, use *keys.Use) string {
	if use == nil || use.Op != keys.OpSign {
		return title
	}
	return Longest.headline(use) + ": " + title
}
