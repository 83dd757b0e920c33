package question

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestQuestionRoundTrip(t *testing.T) {
	q := Question{Kind: Confirm, Title: "t\n", Text: []string{"a"}, Rows: []Line{{Label: "What", Mark: Verified, Text: "x", Look: Faint}}, For: "15 minutes", Grant: "g", Pause: "p", Time: time.Minute}
	var wire bytes.Buffer
	if err := q.Send(&wire); err != nil {
		t.Fatal(err)
	}
	if got, err := Receive(iotest.OneByteReader(&wire)); err != nil || !reflect.DeepEqual(got, q) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBadQuestions(t *testing.T) {
	for _, text := range []string{"", "{", `{"kind":"confirm"}`, `{"kind":"other"}` + "\n", "[]\n", strings.Repeat("x", maxQuestion+1)} {
		if _, err := Receive(strings.NewReader(text)); err == nil {
			t.Errorf("%.40q was received as a question", text)
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		kind Kind
		text string
		want Word // "": none
	}{
		{Confirm, "allow-once\n", AllowOnce}, {Confirm, "deny\n", Deny}, {Confirm, "failed\nwhy", Failed},
		{Secret, "typed\nx\ny", Typed}, {Notice, "deny\n", Deny},
		{Confirm, "", ""}, {Confirm, "allow-once", ""}, {Confirm, "allow-once\n\n", ""}, {Confirm, "allow-once\nallow-once\n", ""},
		{Confirm, " allow-once\n", ""}, {Confirm, "typed\nx", ""}, {Secret, "allow-once\n", ""}, {Notice, "allow-once\n", ""},
		{Notice, "allow-for\n", ""}, {"", "deny\n", ""}, {Secret, "typed\n" + strings.Repeat("x", maxAnswer), ""},
	} {
		a, err := ReceiveAnswer(strings.NewReader(test.text), test.kind)
		if a.Word != test.want || (err == nil) != (test.want != "") || err != nil && !errors.Is(err, ErrNoAnswer) {
			t.Errorf("%s %.30q: %q, %v", test.kind, test.text, a.Word, err)
		}
	}
	var wire bytes.Buffer
	if err := (Answer{Typed, []byte("a\nb")}).Send(&wire); err != nil {
		t.Fatal(err)
	}
	if a, err := ReceiveAnswer(&wire, Secret); err != nil || string(a.Text) != "a\nb" {
		t.Errorf("%q, %v", a.Text, err)
	}
}
