//go:build unix

package platform

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a killed process left is swept; what is in use, young, a link, open to others or
// another user's is not, and a link within is not followed.
func TestScratchIsSwept(t *testing.T) {
	swept.Delete("kb-x-") // by an earlier run in this process
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	elsewhere := filepath.Join(t.TempDir(), "kept")
	writeScratch(t, elsewhere, "x")
	long := time.Now().Add(-time.Hour)
	dir := func(name string, mode os.FileMode) string {
		path := filepath.Join(temp, name)
		if err := os.Mkdir(path, mode); err != nil {
			t.Fatal(err)
		}
		writeScratch(t, filepath.Join(path, "file"), "x")
		if err := os.Symlink(elsewhere, filepath.Join(path, "link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
		return path
	}
	dead := dir("kb-x-dead", 0o700)
	foreign := dir("other-dead", 0o700)
	open := dir("kb-x-open", 0o755)
	young := dir("kb-x-young", 0o700)
	if err := os.Chtimes(young, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	target := dir("target", 0o700)
	link := filepath.Join(temp, "kb-x-link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	stay := []string{foreign, open, young, target, link, elsewhere}
	if os.Geteuid() == 0 {
		others := dir("kb-x-others", 0o700)
		if err := os.Chown(others, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		stay = append(stay, others)
	}
	living, err := NewScratch("kb-x-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(living.Dir, long, long); err != nil {
		t.Fatal(err)
	}
	second, err := NewScratch("kb-x-")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(stay, living.Dir, second.Dir) {
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("swept: %v", err)
		}
	}
	if _, err := os.Lstat(dead); !os.IsNotExist(err) {
		t.Errorf("left: %v", err)
	}
	if err := living.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(living.Dir); !os.IsNotExist(err) {
		t.Errorf("not removed: %v", err)
	}
}

// A child does not hold the lock of a parent that was killed.
func TestScratchOfAKilledParentIsSwept(t *testing.T) {
	if dir := os.Getenv("KEYBROKER_TEST_SCRATCH"); dir != "" {
		if _, err := NewScratch("kb-y-"); err != nil {
			t.Fatal(err)
		}
		child := exec.Command("sleep", "60")
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		fmt.Println(child.Process.Pid)
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestScratchOfAKilledParentIsSwept$")
	cmd.Env = append(os.Environ(), "KEYBROKER_TEST_SCRATCH=1")
	out, _ := cmd.Output()
	child, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil || child <= 1 {
		t.Fatalf("%q is no process: %v", out, err)
	}
	defer syscall.Kill(child, syscall.SIGKILL)
	left, err := filepath.Glob(filepath.Join(temp, "kb-y-*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("%v, %v", left, err)
	}
	sweepScratch(temp, "kb-y-", time.Now().Add(time.Hour))
	if _, err := os.Lstat(left[0]); !os.IsNotExist(err) {
		t.Errorf("left: %v", err)
	}
}

func writeScratch(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
