package platform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyRootCanWrite(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root makes files of root's")
	}
	dir := filepath.Join(t.TempDir(), "etc")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := write(t, filepath.Join(dir, "config.toml"), 0o644)
	for at := dir; at != "/"; at = filepath.Dir(at) { // the test's own directories
		if info, err := os.Stat(at); err == nil && info.Mode().Perm()&0o022 != 0 && info.Mode()&os.ModeSticky == 0 {
			t.Skipf("%s is open to others", at)
		}
	}
	wantReason(t, onlyRootCanWrite(path, 1000), "")
	wantReason(t, onlyRootCanWrite(path, 0), "root's")
	wantReason(t, onlyRootCanWrite(path+"x", 1000), "no such file")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	wantReason(t, onlyRootCanWrite(link, 1000), "")
	if err := os.Lchown(link, 1000, 0); err != nil {
		t.Fatal(err)
	}
	wantReason(t, onlyRootCanWrite(link, 1000), link+": user 1000 owns it") // and puts another one there
	if err := os.Lchown(link, 0, 0); err != nil {
		t.Fatal(err)
	}
	in := filepath.Dir(link)
	if err := os.Chown(in, 1000, 0); err != nil {
		t.Fatal(err)
	}
	wantReason(t, onlyRootCanWrite(link, 1000), in+": user 1000 owns it")
	if err := os.Chown(in, 0, 0); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct {
		path, want string
		do, undo   func(string) error
	}{
		{path, "user 1000 owns it", func(p string) error { return os.Chown(p, 1000, 0) }, func(p string) error { return os.Chown(p, 0, 0) }},
		{path, "others may write it", func(p string) error { return os.Chmod(p, 0o664) }, func(p string) error { return os.Chmod(p, 0o644) }},
		{dir, "user 1000 owns it", func(p string) error { return os.Chown(p, 1000, 0) }, func(p string) error { return os.Chown(p, 0, 0) }},
		{dir, "others may write it", func(p string) error { return os.Chmod(p, 0o777) }, func(p string) error { return os.Chmod(p, 0o755) }},
	} {
		if err := change.do(change.path); err != nil {
			t.Fatal(err)
		}
		err := onlyRootCanWrite(link, 1000)
		wantReason(t, err, change.want)
		if err != nil && !strings.HasPrefix(err.Error(), change.path+": ") {
			t.Errorf("%v does not name %s", err, change.path)
		}
		if err := change.undo(change.path); err != nil {
			t.Fatal(err)
		}
	}
}
