//go:build linux

package keyfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A file is removed only while it is the one whose key was sealed.
func TestRemovesWhatWasReadOnly(t *testing.T) {
	for name, test := range map[string]struct {
		change func(path string) error
		want   string
	}{
		"unchanged":        {func(string) error { return nil }, ""},
		"other contents":   {func(path string) error { return os.WriteFile(path, []byte("another"), 0o600) }, "has changed since it was read and was not removed"},
		"touched":          {func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) }, "has changed since it was read"},
		"replaced":         {func(path string) error { return os.Rename(copyOf(path), path) }, "has changed since it was read"},
		"a link meanwhile": {func(path string) error { return os.Symlink(move(path), path) }, "the key is sealed, but the file was not removed: "},
		"gone":             {os.Remove, "no such file"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte("the key"), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := test.change(path); err != nil {
			t.Fatal(err)
		}
		err = file.Remove()
		_, there := os.Lstat(path)
		switch {
		case test.want == "" && (err != nil || there == nil):
			t.Errorf("%s: %v, %v", name, err, there)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || name != "gone" && there != nil):
			t.Errorf("%s: got %v, want %q; %v", name, err, test.want, there)
		}
	}
}

// copyOf is the same file again, with the same time.
func copyOf(path string) string {
	content, _ := os.ReadFile(path)
	info, _ := os.Stat(path)
	os.WriteFile(path+".copy", content, 0o600)
	os.Chtimes(path+".copy", time.Time{}, info.ModTime())
	return path + ".copy"
}

func move(path string) string {
	os.Rename(path, path+".moved")
	return path + ".moved"
}

func TestMayRemove(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"-": "standard input cannot be deleted", link: "is a symbolic link", dir: "is not a regular file", "/dev/null": "is not a regular file"} {
		if err := checkRemovable(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
