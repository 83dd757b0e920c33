// Package alert shows a question as an alert of macOS (CFUserNotification of
// CoreFoundation). The system draws it in another process. An alert has at most three
// buttons, and none of them can be disabled at first.
//
// It runs in a separate process (keybroker-desktop prompt), with one question each. The
// parts that need no Mac are tested; the others compile, but have never run.
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
	responseMask      = 3 // 3 is "cancelled", also by a timeout
)

const (
	// overtime is how long after its timeout an alert closes by itself, in case the
	// broker hangs.
	overtime = 2 * time.Second
	// maxLines of lineLength characters fit on the smallest screen of a Mac. An alert
	// does not report that a part of it is cut off.
	maxLines   = 34
	lineLength = 48
)

// request describes an alert. The buttons are in the order of their responses; Enter
// presses the first.
type request struct {
	flags           uint
	timeout         time.Duration // 0: none
	header, message string
	field           string // the title of the entry field; "": no field
	buttons         []plain.Button
}

// requestFor describes the alert for q, and reports whether it fits on the screen.
func requestFor(q question.Question) (r request, fits bool) {
	r = request{flags: noteLevel, header: plain.Title(q), message: plain.Body(q, fitsOnLine), buttons: buttons(q)}
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
		r.timeout = q.Time + overtime
		r.message += fmt.Sprintf("\n\nWithout an answer it is refused after %.0f s.", q.Time.Seconds())
	}
	return r, lineCount(r.header+"\n"+r.message) <= maxLines
}

// fitsOnLine guesses whether an alert shows line without a break.
func fitsOnLine(line string) bool { return utf8.RuneCountInString(line) <= lineLength }

// lineCount is the number of lines that text takes.
func lineCount(text string) (n int) {
	for start, i := 0, 0; i <= len(text); i++ {
		if i == len(text) || text[i] == '\n' {
			n += 1 + utf8.RuneCountInString(text[start:i])/lineLength
			start = i + 1
		}
	}
	return n
}

// buttons are the buttons of an alert, at most three. For a question they are Deny, Allow
// once, and one more that allows: the narrower one if there are two. There is no room
// for "Deny for a while".
func buttons(q question.Question) []plain.Button {
	all := plain.Buttons(q)
	if q.Kind == question.Secret { // Enter submits
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

// word is the answer for a response: Closed when no button has it.
func (r request) word(response uint) question.Word {
	if i := int(response & responseMask); i < len(r.buttons) {
		return r.buttons[i].Word
	}
	return question.Closed
}
