package broker

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestLinesWaitForTheQuestion(t *testing.T) {
	var out bytes.Buffer
	l := &heldLog{out: &out, terminal: true}
	log := slog.New(slog.NewTextHandler(l, nil))
	first, second := l.hold(), l.hold()
	log.Info("broken frame")
	first()
	if out.Len() > 0 {
		t.Errorf("written during a question: %s", &out)
	}
	second()
	if !strings.Contains(out.String(), "broken frame") {
		t.Error("the line is lost")
	}
	log.Info("after it")
	if !strings.Contains(out.String(), "after it") {
		t.Error("lines wait without a question")
	}
}

func TestWaitingLinesAreBounded(t *testing.T) {
	var out bytes.Buffer
	l := &heldLog{out: &out, terminal: true}
	release := l.hold()
	line := strings.Repeat("x", 1023) + "\n"
	for range maxHeld/len(line) + 5 {
		fmt.Fprint(l, line)
	}
	if l.waiting.Len() > maxHeld {
		t.Errorf("%d bytes wait", l.waiting.Len())
	}
	release()
	if !strings.HasSuffix(out.String(), "5 more lines of the log were left out while a question was shown\n") {
		t.Errorf("the end: %q", out.String()[out.Len()-100:])
	}
}

func TestAFileIsNotHeld(t *testing.T) {
	var out bytes.Buffer
	l := &heldLog{out: &out}
	defer l.hold()()
	fmt.Fprintln(l, "now")
	if out.String() != "now\n" {
		t.Errorf("%q", &out)
	}
}
