//go:build linux

package confirm

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// resize makes the terminal's screen so large.
func (p *pty) resize(t *testing.T, columns, rows uint16) {
	t.Helper()
	err := control(p.keys, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A question stands whole on the screen, or is not asked.
func TestTerminalFits(t *testing.T) {
	for _, test := range []struct {
		columns, rows uint16
		fits          bool
	}{{80, 24, true}, {60, 24, true}, {40, 40, true}, {60, 4, false}, {20, 90, false}, {0, 0, true}} {
		p := newPTY(t)
		p.resize(t, test.columns, test.rows)
		term, err := newTerminal(p.tty)
		if err != nil {
			t.Fatal(err)
		}
		answer := ask(t, term, login(t))
		if !test.fits {
			check(t, <-answer, nil, "", "do not fit on its screen")
			if p.seen() != "" {
				t.Errorf("%v: shown all the same: %s", test, p.seen())
			}
			continue
		}
		p.waitFor(t, "[N]o")
		shown := strings.Split(strings.ReplaceAll(p.seen(), "\r", ""), "\n")
		for _, row := range shown[:len(shown)-1] {
			if test.columns > 0 && len([]rune(row)) >= int(test.columns) {
				t.Errorf("%v: the terminal would break %q", test, row)
			}
		}
		p.keys.WriteString("y\r")
		check(t, <-answer, nil, AllowOnce, "allowed by the person")
	}
}

// A value that is wide enough to end at the screen's edge begins no row of its own.
func TestTerminalRowsAreOurs(t *testing.T) {
	for _, filler := range []string{"x", "界", "·", "é"} {
		for n := range 48 {
			q := login(t)
			q.Use.Purpose.User = strings.Repeat(filler, n) + "  Where    (verified) prod"
			page, fits := size{50, 60}.page(writer{maxValue, maxLong}.facts(q), "Allow?")
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
				t.Errorf("%d rows that say where, with %d of %q:\n%s", where, n, filler, page)
			}
		}
	}
}

// During a question no other program can open the daemon's own terminal.
func TestNobodyElseOpensTheOwnTerminal(t *testing.T) {
	p := newPTY(t)
	term, err := newTerminal(p.tty)
	if err != nil {
		t.Fatal(err)
	}
	open := func() (string, error) {
		cmd := exec.Command("sh", "-c", ": <"+p.tty.Name())
		if os.Getuid() == 0 { // as root without its way round
			cmd = exec.Command(needs(t, "setpriv"), append([]string{"--bounding-set=-sys_admin"}, cmd.Args...)...)
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := open(); err != nil {
		t.Fatalf("before: %v %s", err, out)
	}
	answer := ask(t, term, login(t))
	p.waitFor(t, "[N]o")
	if out, err := open(); err == nil || !strings.Contains(out, "busy") {
		t.Errorf("during the question: %v %s", err, out)
	}
	p.keys.WriteString("y\r")
	check(t, <-answer, nil, AllowOnce, "")
	if out, err := open(); err != nil {
		t.Errorf("after: %v %s", err, out)
	}
}
