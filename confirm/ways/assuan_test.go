package ways

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func newTestAssuan(answers string) (*assuan, *bytes.Buffer) {
	var sent bytes.Buffer
	return &assuan{r: iotest.OneByteReader(strings.NewReader(answers)), w: &sent}, &sent
}

func TestAssuan(t *testing.T) {
	for _, test := range []struct{ name, answers, data, err string }{
		{"ok", "OK\n", "", ""},
		{"ok with text", "OK Pleased to meet you\n", "", ""},
		{"data", "D 50%25%0Ax\nD  y\nOK\n", "50%\nx y", ""},
		{"status and comment", "# hello\nS PIN_REPEATED\nD z\nOK\n", "z", ""},
		{"error", "ERR 83886179 Operation cancelled <Pinentry>\n", "", "83886179: Operation cancelled"},
		{"error with hostile text", "ERR 99 \x1b[31m\n", "", `99: \x1b[31m`},
		{"error without a code", "ERR\n", "", "without a code"},
		{"error of code 0", "ERR 83886080 fine\n", "", "without a code"},
		{"inquiry", "INQUIRE QUALITY abc\nERR 99 no\n", "", "99"},
		{"garbage", "hello\n", "", "not of the protocol"},
		{"empty line", "\n", "", "not of the protocol"},
		{"OKAY", "OKAY\n", "", "not of the protocol"},
		{"end", "D secret\n", "", "EOF"},
		{"broken escape", "D %4\nOK\n", "", "broken percent escape"},
		{"no escape", "D %zz\nOK\n", "", "broken percent escape"},
		{"huge line", "D " + strings.Repeat("x", maxAssuanLine) + "\nOK\n", "", "too long"},
		{"endless data", strings.Repeat("D "+strings.Repeat("x", 900)+"\n", 6) + "OK\n", "", "too long"},
		{"endless replies", strings.Repeat("# \n", maxAssuanReplies) + "OK\n", "", "no end"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, _ := newTestAssuan(test.answers)
			data, err := a.call("GETPIN")
			if string(data) != test.data {
				t.Errorf("data %q, want %q", data, test.data)
			}
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			a.wipe()
			if bytes.Contains(a.buf[:], []byte("secret")) {
				t.Error("the buffer was not wiped")
			}
		})
	}
}

func TestAssuanErrorCode(t *testing.T) {
	for _, code := range []uint32{99, 83886179} { // with and without pinentry as its source
		if e := (&assuanError{code: code}); !e.is(gpgCanceled) || e.is(gpgTimeout) {
			t.Errorf("%d does not mean cancelled", code)
		}
	}
}

func TestAssuanSends(t *testing.T) {
	a, sent := newTestAssuan("OK\nOK\nOK\n")
	if err := a.set("SETDESC", "50%\nOK\r\tü"); err != nil {
		t.Fatal(err)
	}
	if got, want := sent.String(), "SETDESC 50%25%0AOK%0D%09ü\n"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	sent.Reset()
	if err := a.set("SETDESC", strings.Repeat("ü%", 2000)); err != nil {
		t.Fatal(err)
	}
	if line := sent.String(); len(line) > maxAssuanLine || len(line) < maxAssuanLine-6 || strings.Count(line, "\n") != 1 {
		t.Errorf("a line of %d bytes", len(line))
	}
	if _, err := a.call("OPTION a\nCONFIRM"); !errors.Is(err, errAssuanLine) {
		t.Errorf("a line break was sent: %v", err)
	}
}

func FuzzAssuan(f *testing.F) {
	seeds := []string{"OK\n", "D %41\nOK\n", "ERR 1 x\n", "S x\n#\nINQUIRE y\nOK\n", "D %\n", strings.Repeat("D x\n", 99)}
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answers []byte) {
		a := &assuan{r: bytes.NewReader(answers), w: io.Discard}
		data, err := a.call("GETPIN")
		if len(data) > maxAssuanData || err != nil && data != nil {
			t.Errorf("%d bytes with error %v", len(data), err)
		}
		if err == nil && !bytes.Contains(answers, []byte("OK")) {
			t.Error("success without OK")
		}
		// Escaping and unescaping returns the same text.
		text := strings.ToValidUTF8(string(answers), "")
		text = text[:min(len(text), 300)]
		text = strings.ToValidUTF8(text, "")
		back, err := appendUnescaped(make([]byte, 0, maxAssuanData), []byte(assuanEscape(text, maxAssuanLine)))
		if err != nil || string(back) != text {
			t.Errorf("%q came back as %q, %v", text, back, err)
		}
	})
}
