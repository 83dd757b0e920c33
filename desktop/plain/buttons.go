package plain

import "github.com/keybroker/keybroker/desktop/question"

// Button is one choice.
type Button struct {
	Label  string
	Word   question.Word
	Allows bool // does nothing until the dialog is armed
}

// Buttons are the choices of each kind. The first one refuses, and is the one
// that Enter presses.
func Buttons(q question.Question) []Button {
	switch q.Kind {
	case question.Notice:
		return []Button{{Label: "Refuse", Word: question.Deny}}
	case question.Secret:
		return []Button{{Label: "Cancel", Word: question.Closed}, {Label: "OK", Word: question.Typed, Allows: true}}
	}
	list := []Button{{Label: "Deny", Word: question.Deny}}
	if q.Pause != "" {
		list = append(list, Button{Label: "Deny for " + q.Pause, Word: question.DenyFor, Allows: true})
	}
	if q.Burst != "" {
		list = append(list, Button{Label: q.Burst, Word: question.AllowBurst, Allows: true})
	}
	if q.For != "" {
		list = append(list, Button{Label: "Allow for " + q.For, Word: question.AllowFor, Allows: true})
	}
	return append(list, Button{Label: "Allow once", Word: question.AllowOnce, Allows: true})
}
