package platform

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestListNames(t *testing.T) {
	dir := t.TempDir()
	if names, err := ListNames(filepath.Join(dir, "none")); names != nil || err != nil {
		t.Error("missing:", names, err)
	}
	for _, name := range []string{"b", "c", "a"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := ListNames(dir); !slices.Equal(names, []string{"a", "b", "c"}) || err != nil {
		t.Error(names, err)
	}
	if _, err := ListNames(filepath.Join(dir, "a")); err == nil {
		t.Error("a file has names")
	}
	if runtime.GOOS == "windows" {
		return // NTFS has 1,024 links to a file, and wine takes minutes for more
	}
	for i := range maxNames + namesAtOnce {
		if err := os.Link(filepath.Join(dir, "a"), filepath.Join(dir, strconv.Itoa(i))); err != nil {
			t.Skip(err) // a file system with fewer links
		}
	}
	if names, err := ListNames(dir); len(names) > maxNames+namesAtOnce || err == nil || !strings.Contains(err.Error(), "has more than 16384 files") {
		t.Error(len(names), err)
	}
}
