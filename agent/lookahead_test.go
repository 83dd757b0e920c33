package agent

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// What was read ahead may be a part of a passphrase: none of it stays.
func TestLookaheadKeepsNothing(t *testing.T) {
	l := lookahead{from: strings.NewReader("a passphrase")}
	got := make([]byte, 0, 12)
	for one := make([]byte, 5); len(got) < cap(got); {
		n, err := l.Read(one)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, one[:n]...)
	}
	if string(got) != "a passphrase" || !bytes.Equal(l.buf[:], make([]byte, lookaheadBytes)) {
		t.Errorf("read %q, kept %q", got, l.buf)
	}
	if _, err := l.Read(make([]byte, 4)); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}
