package alert

import (
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/desktop/question"
)

func TestWords(t *testing.T) {
	for name, test := range map[string]struct {
		q    question.Question
		want [4]question.Word // of the default, alternate and other button, and of cancel
	}{
		"least":  {question.Question{Kind: question.Confirm}, [4]question.Word{question.Deny, question.AllowOnce, question.Closed, question.Closed}},
		"usual":  {question.Question{Kind: question.Confirm, For: "15 minutes", Pause: "10 minutes"}, [4]question.Word{question.Deny, question.AllowOnce, question.AllowFor, question.Closed}},
		"burst":  {question.Question{Kind: question.Confirm, For: "15 minutes", Burst: "This git command"}, [4]question.Word{question.Deny, question.AllowOnce, question.AllowBurst, question.Closed}},
		"secret": {question.Question{Kind: question.Secret}, [4]question.Word{question.Typed, question.Closed, question.Closed, question.Closed}},
		"notice": {question.Question{Kind: question.Notice}, [4]question.Word{question.Deny, question.Closed, question.Closed, question.Closed}},
	} {
		r, ok := requestFor(test.q)
		if !ok || len(r.buttons) > 3 {
			t.Errorf("%s: %+v", name, r)
		}
		for _, checked := range []uint{0, 1 << 8} { // the higher bits have other meanings
			for response, want := range test.want {
				if got := r.word(uint(response) | checked); got != want {
					t.Errorf("%s: response %d is %q, want %q", name, response, got, want)
				}
			}
		}
	}
}

func TestRequest(t *testing.T) {
	q := question.Question{Kind: question.Secret, Title: "PIN & more", Prompt: "PIN:", Error: "That was not the PIN.", Time: time.Minute,
		Rows: []question.Line{{Label: "Where", Mark: question.Verified, Text: "box"}}}
	r, ok := requestFor(q)
	if !ok || r.flags != noteLevel|secureTextField || r.timeout != time.Minute+overtime || r.header != `PIN \x26 more` || r.field != "PIN:" {
		t.Errorf("%+v", r)
	}
	if want := "That was not the PIN.\n\nWhere: ✔ [verified] box\n\nWithout an answer it is refused after 60 s."; r.message != want {
		t.Errorf("%q", r.message)
	}
	q.Rows[0].Mark = question.Claimed
	if r, _ := requestFor(q); r.flags != cautionLevel|secureTextField {
		t.Errorf("flags %#x", r.flags)
	}
	for range maxLines {
		q.Rows = append(q.Rows, question.Line{Text: "x"})
	}
	if _, ok := requestFor(q); ok {
		t.Error("too many lines fit")
	}
	if _, ok := requestFor(question.Question{Title: strings.Repeat("x", maxLines*lineLength)}); ok {
		t.Error("a line that is too long fits")
	}
}
