package plain

import "github.com/keybroker/keybroker/desktop/question"

// Button is one choice of a dialog.
type Button struct {
	Label       string
	Word        question.Word
	NeedsArming bool // does nothing until the dialog is armed
}

// Buttons are the choices of each kind. The first one refuses, and Enter presses it.
func Buttons(q question.Question) []Button {
	switch q.Kind {
	case question.Notice:
		return []Button{{Label: "Refuse", Word: question.Deny}}
	case question.Secret:
		return []Button{{Label: "Cancel", Word: question.Closed}, {Label: "OK", Word: question.Typed, NeedsArming: true}}
	}
	list := []Button{{Label: "Deny", Word: question.Deny}}
	if q.Pause != "" {
		list = append(list, Button{Label: "Deny for " + q.Pause, Word: question.DenyFor, NeedsArming: true})
	}
	if q.Burst != "" {
		list = append(list, Button{Label: q.Burst, Word: question.AllowBurst, NeedsArming: true})
	}
	if q.For != "" {
		list = append(list, Button{Label: "Allow for " + q.For, Word: question.AllowFor, NeedsArming: true})
	}
	return append(list, Button{Label: "Allow once", Word: question.AllowOnce, NeedsArming: true})
}
