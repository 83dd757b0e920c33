package hosts

import (
	"fmt"
	"strings"
	"testing"
)

// All that was written before is in the text, however much it is, and nothing of the marks.
func TestSaidIsComplete(t *testing.T) {
	s, err := newSaid()
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 300 {
		lines := strings.Repeat(fmt.Sprintf("debug1: Remote: mark %d\n", i), 1+i%97)
		want.WriteString(lines)
		if _, err := s.to.WriteString(lines); err != nil {
			t.Fatal(err)
		}
		if got := s.text(); got != want.String() {
			t.Fatalf("after %d writes: %d bytes of %d", i+1, len(got), want.Len())
		}
	}
	s.end()
	if s.text() != want.String() {
		t.Error("the text went with the pipe")
	}
}

// A log that the server fills keeps its beginning, and text still returns.
func TestSaidHasABudget(t *testing.T) {
	s, err := newSaid()
	if err != nil {
		t.Fatal(err)
	}
	defer s.end()
	line := strings.Repeat("x", 1023) + "\n"
	for range 2 * maxLog / len(line) {
		if _, err := s.to.WriteString(line); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.text(); got != strings.Repeat(line, maxLog/len(line)) {
		t.Errorf("%d bytes", len(got))
	}
}

// A mark may come in two reads.
func TestSaidMarkInPieces(t *testing.T) {
	for cut := range len("abcd") {
		s := &said{mark: []byte("abcd"), seen: make(chan struct{})}
		s.take([]byte("1a2ab3" + "abcd"[:cut]))
		s.take([]byte("abcd"[cut:] + "4"))
		select {
		case <-s.seen:
		default:
			t.Errorf("cut at %d: the mark was missed", cut)
		}
		if string(s.data) != "1a2ab34" {
			t.Errorf("cut at %d: %q", cut, s.data)
		}
	}
}
