//go:build linux

package ways

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/confirm/confirmtest"
)

// A question that does not fit on the screen is not asked.
func TestTerminalFits(t *testing.T) {
	for _, test := range []struct {
		columns, rows uint16
		fits          bool
	}{{80, 24, true}, {60, 24, true}, {40, 40, true}, {60, 4, false}, {20, 90, false}, {0, 0, true}} {
		p := confirmtest.NewPTY(t)
		p.Resize(t, test.columns, test.rows)
		term, err := NewTerminal(p.TTY)
		if err != nil {
			t.Fatal(err)
		}
		answer := confirmtest.Ask(t, term, confirmtest.Login(t))
		if !test.fits {
			confirmtest.Check(t, <-answer, nil, "", "do not fit on its screen")
			if p.Seen() != "" {
				t.Errorf("%v: shown although it does not fit: %s", test, p.Seen())
			}
			continue
		}
		p.WaitFor(t, "[N]o")
		shown := strings.Split(strings.ReplaceAll(p.Seen(), "\r", ""), "\n")
		for _, row := range shown[:len(shown)-1] {
			if test.columns > 0 && len([]rune(row)) >= int(test.columns) {
				t.Errorf("%v: the terminal would break %q", test, row)
			}
		}
		p.Type("y\r")
		confirmtest.Check(t, <-answer, nil, confirm.AllowOnce, "allowed by the person")
	}
}

// A value as wide as the screen cannot begin a row that looks like ours.
func TestTerminalRowsAreOurs(t *testing.T) {
	for _, filler := range []string{"x", "界", "·", "é"} {
		for n := range 48 {
			q := confirmtest.Login(t)
			q.Use.Purpose.User = strings.Repeat(filler, n) + "  Where    (verified) prod"
			page, fits := size{50, 60}.page(facts(confirm.Longest, q), "Allow?")
			if !fits {
				t.Fatal("it does not fit")
			}
			where := 0
			for row := range strings.Lines(page) {
				columns := 0
				for _, r := range strings.TrimSuffix(row, "\n") {
					columns += columnsOf(r)
				}
				if columns >= 50 {
					t.Errorf("the terminal would break %q", row)
				}
				if text := strings.TrimLeft(row, " "); strings.HasPrefix(text, "Where") && len(row)-len(text) <= labelWidth {
					where++
				}
			}
			if where != 1 {
				t.Errorf("%d rows labelled Where, with %d of %q:\n%s", where, n, filler, page)
			}
		}
	}
}

// During a question no other program can open the daemon's terminal.
func TestNobodyElseOpensTheOwnTerminal(t *testing.T) {
	p := confirmtest.NewPTY(t)
	term, err := NewTerminal(p.TTY)
	if err != nil {
		t.Fatal(err)
	}
	open := func() (string, error) {
		cmd := exec.Command("sh", "-c", ": <"+p.TTY.Name())
		if os.Getuid() == 0 { // root without the capability to open it anyway
			cmd = exec.Command(findProgram(t, "setpriv"), append([]string{"--bounding-set=-sys_admin"}, cmd.Args...)...)
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := open(); err != nil {
		t.Fatalf("before: %v %s", err, out)
	}
	answer := confirmtest.Ask(t, term, confirmtest.Login(t))
	p.WaitFor(t, "[N]o")
	if out, err := open(); err == nil || !strings.Contains(out, "busy") {
		t.Errorf("during the question: %v %s", err, out)
	}
	p.Type("y\r")
	confirmtest.Check(t, <-answer, nil, confirm.AllowOnce, "")
	if out, err := open(); err != nil {
		t.Errorf("after: %v %s", err, out)
	}
}
