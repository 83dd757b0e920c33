package agent

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLinesThatRepeatAreLeftOut(t *testing.T) {
	var out bytes.Buffer
	handler := QuietLog(slog.NewTextHandler(&out, nil)).WithAttrs([]slog.Attr{slog.Int("pid", 1)})
	now := time.Unix(1_000_000, 0)
	write := func(message string) {
		if err := handler.Handle(context.Background(), slog.NewRecord(now, slog.LevelInfo, message, 0)); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 * lineBurst {
		write("connection closed")
	}
	if n := strings.Count(out.String(), "connection closed"); n != lineBurst {
		t.Errorf("%d lines", n)
	}
	write("another message")
	if !strings.Contains(out.String(), "another message") {
		t.Error("another message is left out")
	}
	now = now.Add(lineRefill)
	write("connection closed")
	if !strings.HasSuffix(out.String(), "pid=1 lines_left_out=900\n") {
		t.Errorf("the last line is %q", out.String()[out.Len()-120:])
	}
}
