package problem

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
)

// other is an error of a package that does not import this one.
type other struct{}

func (other) Error() string  { return "6982" }
func (other) Remedy() string { return "give the PIN" }

func TestRemedies(t *testing.T) {
	full := New("the disk is full", "make room")
	for name, c := range map[string]struct {
		err      error
		what     string
		remedies []string
	}{
		"no error":          {nil, "", nil},
		"no remedy":         {io.EOF, "EOF", nil},
		"one":               {full, "the disk is full", []string{"make room"}},
		"wrapped":           {fmt.Errorf("the log: %w", full), "the log: the disk is full", []string{"make room"}},
		"the nearer first":  {With(fmt.Errorf("the log: %w", full), "see %s", "df"), "the log: the disk is full", []string{"make room", "see df"}},
		"said twice":        {With(full, "make room"), "the disk is full", []string{"make room"}},
		"joined":            {errors.Join(full, io.EOF, New("b", "c")), "the disk is full\nEOF\nb", []string{"make room", "c"}},
		"a percent sign":    {New("100% full", "free 10%"), "100% full", []string{"free 10%"}},
		"another package's": {fmt.Errorf("card: %w", other{}), "card: 6982", []string{"give the PIN"}},
		"a default":         {WithDefault(io.EOF, "try again"), "EOF", []string{"try again"}},
		"no default":        {WithDefault(full, "try again"), "the disk is full", []string{"make room"}},
	} {
		if got := Remedies(c.err); !slices.Equal(got, c.remedies) {
			t.Errorf("%s: %q, want %q", name, got, c.remedies)
		}
		if c.err != nil && c.err.Error() != c.what {
			t.Errorf("%s: %q, want %q", name, c.err, c.what)
		}
	}
	if got := Remedy(With(full, "df")); got != "df" {
		t.Errorf("Remedy is %q, want the one that was added last", got)
	}
}

func TestWithKeepsTheError(t *testing.T) {
	err := With(fmt.Errorf("read: %w", io.ErrUnexpectedEOF), "send the rest")
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("errors.Is does not find it")
	}
	if p, ok := errors.AsType[*Problem](fmt.Errorf("x: %w", err)); !ok || p.Remedy() != "send the rest" {
		t.Error("errors.As does not find it")
	}
}
