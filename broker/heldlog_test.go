package broker

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/problem"
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

// A line on a terminal is for a person, and what other programs chose in it cannot move the cursor.
func TestLinesAreForWhoReadsThem(t *testing.T) {
	for terminal, want := range map[bool]string{
		true:  "15:04:05 warning: it failed: no \\x1b[2Jdisk (pid 7, program ssh)\n         buy one\n",
		false: `time=2026-11-28T15:04:05.000Z level=WARN msg="it failed" pid=7 error="no \x1b[2Jdisk\nbuy one" program=ssh` + "\n",
	} {
		var out bytes.Buffer
		h := (&heldLog{out: &out, terminal: terminal}).handler().WithAttrs([]slog.Attr{slog.Int("pid", 7)})
		r := slog.NewRecord(time.Date(2026, 11, 28, 15, 4, 5, 0, time.UTC), slog.LevelWarn, "it failed", 0)
		r.Add("error", problem.New("no \x1b[2Jdisk", "buy one"), "program", "ssh")
		if err := h.Handle(t.Context(), r); err != nil || out.String() != want {
			t.Errorf("terminal %v: %v\n%s\nwant\n%s", terminal, err, &out, want)
		}
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
