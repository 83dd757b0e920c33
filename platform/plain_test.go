//go:build !windows

package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/problem"
)

func TestExplain(t *testing.T) {
	list := errors.Join(errors.New("a.toml:1:1: first"), errors.New("a.toml:2:1: second"))
	for name, c := range map[string]struct {
		err                error
		what, remedy, text string
	}{
		"no remedy": {errors.New("one"), "one", "", "one"},
		"a remedy":  {fmt.Errorf("x: %w", problem.New("one", "do this")), "x: one", "do this", "x: one\ndo this"},
		"two":       {problem.With(problem.New("one", "do this"), "or that"), "one", "do this; or that", "one\ndo this\nor that"},
		"several lines": {problem.With(fmt.Errorf("errors:\n%w", list), "correct them"), "errors: a.toml:1:1: first; a.toml:2:1: second", "correct them",
			"errors:\na.toml:1:1: first\na.toml:2:1: second\ncorrect them"},
	} {
		if what, remedy := Explain(c.err); what != c.what || remedy != c.remedy {
			t.Errorf("%s: %q, %q; want %q, %q", name, what, remedy, c.what, c.remedy)
		}
		if text := Text(c.err); text != c.text {
			t.Errorf("%s: %q; want %q", name, text, c.text)
		}
	}
}

func TestPlainNamesNoSystemCalls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nosuch")
	_, err := os.Open(path)
	if got, want := Text(problem.With(fmt.Errorf("read it: %w", err), "give another")), "read it: "+path+": no such file or directory\ngive another"; got != want {
		t.Errorf("%q; want %q", got, want)
	}
	if _, err = Dial(context.Background(), path); err == nil {
		t.Fatal("somebody answered")
	}
	if got := Plain(errors.Join(err)); strings.Contains(got, "dial") || !strings.HasPrefix(got, path) {
		t.Errorf("%q", got)
	}
}
