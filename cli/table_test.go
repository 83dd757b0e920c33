package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
)

// hostileTable holds cells that a client, a host or a card may choose.
func hostileTable(out *bytes.Buffer, room int) *Table {
	w := NewTable(out, false)
	w.room, w.colours = room, true
	w.Head("ID", "DECISION", FingerprintTitle, "COMMENT", "WHERE", "WHO")
	w.Paint(1, map[string]text.Color{"refused": text.FgRed})
	w.Row("A", "refused", "SHA256:"+strings.Repeat("x", 43), "two words", strings.Repeat("host.", 60), "ssh ← git")
	w.Row("B", "allowed", "", "\x1b[2J\x1b]0;title\x07\u202eabc", "日本語の名前日本語の名前日本語の名前", strings.Repeat("a\u0301", 80))
	w.Below("→ " + strings.Repeat("do this ", 20))
	w.Line("PROBLEM: " + strings.Repeat("word ", 40))
	return w
}

func TestTableFitsEveryTerminal(t *testing.T) {
	for room := narrowest; room < 250; room++ {
		var out bytes.Buffer
		if err := hostileTable(&out, room).Flush(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if width := text.StringWidthWithoutEscSequences(strings.TrimSuffix(line, "\n")); width > max(room, narrowest+4) {
				t.Fatalf("with %d columns a line has %d:\n%s", room, width, out.String())
			}
		}
	}
}

func TestTableEscapesWhatOthersChose(t *testing.T) {
	var out bytes.Buffer
	if err := hostileTable(&out, 100).Flush(); err != nil {
		t.Fatal(err)
	}
	shown := out.String()
	if !strings.Contains(shown, "\x1b[31mrefused\x1b[0m") {
		t.Errorf("what was refused is not red:\n%q", shown)
	}
	shown = strings.ReplaceAll(strings.ReplaceAll(shown, "\x1b[31m", ""), "\x1b[0m", "")
	if strings.ContainsAny(shown, "\x1b\x07\u202e") {
		t.Errorf("a cell reaches the terminal unescaped:\n%q", shown)
	}
}

// In a pipe nothing is cut, and columns stand two spaces apart.
func TestTableIsWholeWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	w := NewTable(&out, false)
	w.Head("NAME", "WHERE")
	w.Row("work", strings.Repeat("host.", 60))
	w.Row("日本", "")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "NAME  WHERE\nwork  " + strings.Repeat("host.", 60) + "\n日本  -\n"
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestFit(t *testing.T) {
	for _, row := range []struct {
		natural []int
		room    int
		want    []int
	}{
		{[]int{4, 9}, 80, []int{4, 9}},
		{[]int{4, 100}, 80, []int{4, 74}},
		{[]int{19, 40, 40}, 62, []int{19, 23, 16}}, // the one that lacks least first
		{[]int{40, 40, 40}, 40, []int{22, 16}},     // the third goes below
		{[]int{100}, 10, []int{16}},
	} {
		got := fit(row.natural, row.room)
		if len(got) != len(row.want) {
			t.Errorf("fit(%v, %d) = %v, want %v", row.natural, row.room, got, row.want)
			continue
		}
		for i := range got {
			if got[i] != row.want[i] {
				t.Errorf("fit(%v, %d) = %v, want %v", row.natural, row.room, got, row.want)
				break
			}
		}
	}
}

// A cell that is to be copied stays in one line.
func TestTableDoesNotBreakWhatIsCopied(t *testing.T) {
	var out bytes.Buffer
	w := NewTable(&out, false)
	w.room = 40
	key := "ssh-ed25519 " + strings.Repeat("A", 68)
	w.Row("key", key)
	w.Whole("public key", key)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\npublic key  "+key+"\n") || strings.Count(out.String(), key) != 1 {
		t.Errorf("got:\n%s", out.String())
	}
}
