package question

import (
	"bytes"
	"testing"
)

// FuzzAnswer: an answer is exactly one that its kind of question has, and a notice allows nothing.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"allow-once\n", "allow-once\nx", "allow-once\nallow-once\n", "deny", "typed\nsecret\n", "failed\nwhy", "closed\n", "\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		for kind, words := range allowedWords {
			answer, err := ReceiveAnswer(bytes.NewReader(bytes.Clone(sent)), kind)
			if err != nil {
				if answer.Word != "" || answer.Text != nil {
					t.Fatalf("%s: %q is %+v, %v", kind, sent, answer, err)
				}
				continue
			}
			if hasText, known := words[answer.Word]; !known || !hasText && len(answer.Text) > 0 {
				t.Fatalf("%s: %q is %+v", kind, sent, answer)
			}
			if kind == Notice && (answer.Word == AllowOnce || answer.Word == AllowFor || answer.Word == AllowBurst) {
				t.Fatalf("a notice allows by %q", sent)
			}
			if again := append(append([]byte(answer.Word), '\n'), answer.Text...); !bytes.Equal(again, sent) {
				t.Fatalf("%s: %q was read as %q", kind, sent, again)
			}
		}
	})
}

// FuzzQuestion: what the window takes for a question is sent as the same one again.
func FuzzQuestion(f *testing.F) {
	f.Add([]byte(`{"kind":"confirm","title":"a","rows":[{"label":"x","mark":"verified","text":"y"}]}` + "\n"))
	f.Add([]byte(`{"kind":"other"}` + "\n"))
	f.Add([]byte("{\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		q, err := Receive(bytes.NewReader(sent))
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := q.Send(&first); err != nil {
			t.Fatal(err)
		}
		again, err := Receive(bytes.NewReader(first.Bytes()))
		if err != nil && first.Len() < maxQuestion {
			t.Fatalf("%q is no question any more: %v", first.Bytes(), err)
		}
		if err == nil && (again.Send(&second) != nil || !bytes.Equal(first.Bytes(), second.Bytes())) {
			t.Fatalf("%q became %q", first.Bytes(), second.Bytes())
		}
	})
}
