// Package plain writes a question as text and buttons, for dialogs that the system draws:
// they have no rows, no colours and one text style.
package plain

import (
	"fmt"
	"strings"
	"time"

	"github.com/keybroker/keybroker/desktop/question"
)

// indent begins a row without a label.
const indent = "      "

// continuation begins a line that continues the line above.
const continuation = indent + indent + "\u2026 "

// signs are the texts of the marks. No two look alike, and no value can imitate them:
// the sender replaced brackets in values.
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

// Body is everything below the headline, in lines. fits reports whether the dialog shows a
// line without a break.
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
		label := indent
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

// Line prepares text for a dialog. Some dialogs take "&" as the mark of an access key, so
// it is escaped.
func Line(s string) string { return leftToRight(strings.ReplaceAll(s, "&", `\x26`)) }

// AllVerified reports whether no row has a mark other than Verified.
func AllVerified(q question.Question) bool {
	for _, row := range q.Rows {
		if row.Mark != "" && row.Mark != question.Verified {
			return false
		}
	}
	return true
}

// TimeoutText says when a question without an answer is refused.
func TimeoutText(q question.Question, left time.Duration) string {
	if q.Time <= 0 {
		return ""
	}
	return fmt.Sprintf("Without an answer it is refused in %.0f s.", max(left.Seconds(), 0))
}
