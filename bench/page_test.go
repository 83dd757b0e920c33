//go:build linux

package main

import "testing"

// The figures of a run replace those of the one before, and nothing else.
func TestReplaced(t *testing.T) {
	page := []byte("# Title\n" + figuresBegin + "old\n" + figuresEnd + "by hand\n")
	for range 2 {
		var err error
		if page, err = replaced(page, figuresBegin+"new\n"+figuresEnd); err != nil {
			t.Fatal(err)
		}
	}
	if want := "# Title\n" + figuresBegin + "new\n" + figuresEnd + "by hand\n"; string(page) != want {
		t.Errorf("%s", page)
	}
	if _, err := replaced([]byte("# Title\n"), "new"); err == nil {
		t.Error("a page without the place for figures was written")
	}
}
