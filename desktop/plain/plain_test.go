package plain

import (
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/desktop/question"
)

func TestBody(t *testing.T) {
	q := question.Question{Kind: question.Confirm, Title: "Log in?", Text: []string{"one", "two"}, For: "15 minutes", Grant: "this; nothing else.",
		Rows: []question.Line{{Label: "Where", Mark: question.Verified, Text: "github.com"}, {Text: "its & key"},
			{Label: "Through", Mark: question.Claimed, Text: "a"}, {Label: "To", Mark: question.Unknown, Text: "b"}}}
	want := "one\ntwo\n\nWhere: ✔ [verified] github.com\n      its \\x26 key\nThrough: ⚠ [claimed only] a\nTo: – [unknown] b\n\n15 minutes: this; nothing else."
	if got := Body(q, func(string) bool { return true }); got != want {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	if AllVerified(q) {
		t.Error("a claim counts as verified")
	}
	q.Rows = q.Rows[:2]
	if !AllVerified(q) {
		t.Error("verified rows do not count as verified")
	}
}

// The first button refuses and needs no arming; all others need it.
func TestButtons(t *testing.T) {
	for name, test := range map[string]struct {
		q    question.Question
		want string
	}{
		"least":  {question.Question{Kind: question.Confirm}, "Deny deny|Allow once allow-once"},
		"usual":  {question.Question{Kind: question.Confirm, For: "15 minutes", Pause: "10 minutes"}, "Deny deny|Deny for 10 minutes deny-for|Allow for 15 minutes allow-for|Allow once allow-once"},
		"burst":  {question.Question{Kind: question.Confirm, Burst: "This git command"}, "Deny deny|This git command allow-burst|Allow once allow-once"},
		"secret": {question.Question{Kind: question.Secret}, "Cancel closed|OK typed"},
		"notice": {question.Question{Kind: question.Notice}, "Refuse deny"},
	} {
		var got []string
		for i, b := range Buttons(test.q) {
			got = append(got, b.Label+" "+string(b.Word))
			if b.NeedsArming == (i == 0) {
				t.Errorf("%s: button %q: needs arming: %v", name, b.Label, b.NeedsArming)
			}
		}
		if strings.Join(got, "|") != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestLeftToRight(t *testing.T) {
	for text, want := range map[string]string{
		"abc":              "abc",
		"ab שלום cd":       "ab \u200eשלום\u200e cd",
		"אב 12":            "\u200eאב\u200e 12",
		"\u05d0\u05b8":     "\u200e\u05d0\u05b8\u200e",
		"e\u0301":          "e\u0301",
		"\"\u0627\u0661\"": "\"\u200e\u0627\u0661\u200e\"",
	} {
		if got := leftToRight(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTimeoutText(t *testing.T) {
	if text := TimeoutText(question.Question{}, 0); text != "" {
		t.Error(text)
	}
	if text := TimeoutText(question.Question{Time: time.Minute}, -time.Second); text != "Without an answer it is refused in 0 s." {
		t.Error(text)
	}
}

// No line is too long, nothing is lost, and a continuation does not look like a row.
func TestFold(t *testing.T) {
	fits := func(line string) bool { return len(line) <= 40 }
	q := question.Question{Rows: []question.Line{{Label: "Who", Text: strings.Repeat("x", 70) + " Where: bank.com " + strings.Repeat("Where: bank.com ", 5)},
		{Text: "short"}, {Text: strings.Repeat("ж", 60)}}}
	body := Body(q, fits)
	var whole string
	for i, line := range strings.Split(body, "\n") {
		if !fits(line) {
			t.Errorf("%q is too long", line)
		}
		if isLabelled := !strings.HasPrefix(line, indent); isLabelled != (i == 0) {
			t.Errorf("line %d looks like another row: %q", i, line)
		}
		whole += strings.TrimPrefix(strings.TrimPrefix(line, continuation), indent)
	}
	for _, row := range q.Rows {
		if text := strings.ReplaceAll(row.Text, " ", ""); !strings.Contains(strings.ReplaceAll(whole, " ", ""), text) {
			t.Errorf("%q is not complete in\n%s", row.Text, body)
		}
	}
	if Body(q, func(string) bool { return false }) == "" { // fold terminates
		t.Error("the body is empty")
	}
}
