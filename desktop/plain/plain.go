// Package plain writes a question as text and buttons, for dialogs that the
// system draws: they have no rows, no colours and one kind of letter.
package plain

import (
	"fmt"
	"strings"
	"time"

	"github.com/keybroker/keybroker/desktop/question"
)

// hang stands before a row that continues the one above.
const hang = "      "

// rest stands before what did not fit on the line above.
const rest = hang + hang + "\u2026 "

// signs stand before the words of the marks, so that no two marks look alike.
// Values have no brackets: their sender took them out.
var signs = map[question.Mark]string{
	question.Verified: "\u2714 [verified] ",
	question.New:      "! [new host] ",
	question.Claimed:  "\u26a0 [claimed only] ",
	question.Unknown:  "\u2013 [unknown] ",

	question.Forwarded: "\u00bb [forwarded] ",
	question.OtherName: "\u2260 [other name] ",
}

// Title is the headline.
func Title(q question.Question) string { return Line(q.Title) }

// Body is everything below the headline, with "\n" between its lines. fits says
// whether a line is short enough for the dialog to leave it in one piece.
func Body(q question.Question, fits func(line string) bool) string {
	var lines []string
	add := func(label, text string) { lines = append(lines, fold(label, Line(text), fits)...) }
	for _, text := range q.Text {
		add("", text)
	}
	if len(lines) > 0 && len(q.Rows) > 0 {
		add("", "")
	}
	for _, row := range q.Rows {
		label := hang
		if row.Label != "" {
			label = row.Label + ": "
		}
		add(label, signs[row.Mark]+row.Text)
	}
	if q.Kind == question.Confirm && q.For != "" && q.Grant != "" {
		add("", "")
		add(q.For+": ", q.Grant)
	}
	return strings.Join(lines, "\n")
}

// Line is text that a dialog shows as it is. Some take "&" for the mark of a
// key; it is written as the other characters that are not shown as they are.
func Line(s string) string { return leftToRight(strings.ReplaceAll(s, "&", `\x26`)) }

// AllVerified says whether no row is known less well than it should be.
func AllVerified(q question.Question) bool {
	for _, row := range q.Rows {
		if row.Mark != "" && row.Mark != question.Verified {
			return false
		}
	}
	return true
}

// Silence says what happens when nobody answers.
func Silence(q question.Question, left time.Duration) string {
	if q.Time <= 0 {
		return ""
	}
	return fmt.Sprintf("Without an answer it is refused in %.0f s.", max(left.Seconds(), 0))
}
