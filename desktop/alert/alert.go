// Package alert shows a question as an alert of macOS (CFUserNotification of
// CoreFoundation). The system draws it in a process of its own; it has three
// buttons at most, and none of them can be held back for a moment.
//
// It is for a process of its own (keybroker-desktop prompt), one question each.
// It compiles, and what does not need a Mac is tested; it has never been run.
package alert

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/keybroker/keybroker/desktop/plain"
	"github.com/keybroker/keybroker/desktop/question"
)

// Flags and responses of CFUserNotification.h.
const (
	noteLevel       = 1
	cautionLevel    = 2
	secureTextField = 1 << 16 // CFUserNotificationSecureTextField(0)

	defaultResponse   = 0
	alternateResponse = 1
	otherResponse     = 2
	responseMask      = 3 // 3 is "cancelled", also by the end of its time
)

const (
	// ownEnd is how long after the end of its time an alert closes by itself. The
	// broker ends it before; this is for one that hangs.
	ownEnd = 2 * time.Second
	// maxLines of lineLength characters fit on the smallest screen of a Mac. An
	// alert does not say when a part of it is cut off.
	maxLines   = 34
	lineLength = 48
)

// request is an alert before it is shown. The buttons stand in the order of
// their responses; Enter presses the first.
type request struct {
	flags           uint
	timeout         time.Duration // 0: none
	header, message string
	field           string // the title of the place to type; "": there is none
	buttons         []plain.Button
}

// requestFor says how q is shown, or that it is too long.
func requestFor(q question.Question) (request, bool) {
	r := request{flags: noteLevel, header: plain.Title(q), message: plain.Body(q, fits), buttons: buttons(q)}
	if !plain.AllVerified(q) {
		r.flags = cautionLevel
	}
	if q.Kind == question.Secret {
		r.flags |= secureTextField
		r.field = plain.Line(q.Prompt)
		if q.Error != "" {
			r.message = plain.Line(q.Error) + "\n\n" + r.message
		}
	}
	if q.Time > 0 {
		r.timeout = q.Time + ownEnd
		r.message += fmt.Sprintf("\n\nWithout an answer it is refused after %.0f s.", q.Time.Seconds())
	}
	return r, lines(r.header+"\n"+r.message) <= maxLines
}

// fits says whether an alert shows a line in one piece, as far as can be guessed.
func fits(line string) bool { return utf8.RuneCountInString(line) <= lineLength }

// lines is how many lines text takes.
func lines(text string) (n int) {
	for start, i := 0, 0; i <= len(text); i++ {
		if i == len(text) || text[i] == '\n' {
			n += 1 + utf8.RuneCountInString(text[start:i])/lineLength
			start = i + 1
		}
	}
	return n
}

// buttons are the three at most that an alert has. For a question they are
// Deny, Allow once, and one more that allows: the narrower one if there are two.
// "Deny for a while" has no place.
func buttons(q question.Question) []plain.Button {
	all := plain.Buttons(q)
	if q.Kind == question.Secret { // Enter ends what is typed
		return []plain.Button{all[1], all[0]}
	}
	if q.Kind == question.Notice {
		return all
	}
	list := []plain.Button{all[0], all[len(all)-1]}
	for _, b := range all[1 : len(all)-1] {
		if b.Word == question.AllowBurst || b.Word == question.AllowFor && q.Burst == "" {
			list = append(list, b)
		}
	}
	return list
}

// word is what a response means. One that belongs to no button closes.
func (r request) word(response uint) question.Word {
	if i := int(response & responseMask); i < len(r.buttons) {
		return r.buttons[i].Word
	}
	return question.Closed
}
