//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// cmdUnopened is "unopened WORDS": it waits for a process that the script's daemon has
// started, whose command line holds the words, and then no other process of the user can open
// what that process and its parent talk over through /proc/PID/fd.
func cmdUnopened(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: unopened WORDS")
	}
	var child string
	parent := strconv.Itoa(rigOf(ts).daemon.Process.Pid)
	if !await(func() bool { child = childOf(parent, args[0]); return child != "" }) {
		ts.Fatalf("no child's command line holds %q", args[0])
	}
	words, _ := os.Readlink(filepath.Join("/proc", child, "fd", "2")) // its standard error: for a person
	for pid, given := range map[string]int{child: 0, parent: 3} {     // who started the parent gave it the first three
		open, sockets, err := openable(pid, given, append(ownLinks(), words))
		if errors.Is(err, fs.ErrPermission) {
			continue // closed as a whole
		}
		ts.Check(err)
		if len(open) > 0 || sockets == 0 {
			ts.Fatalf("%s: %d sockets; another process can open %q", pid, sockets, open)
		}
	}
}

// childOf finds a child by its command line: its environment may be hidden from its user.
func childOf(parent, words string) (pid string) {
	paths, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range paths {
		if strings.Contains(strings.ReplaceAll(readOr(dir+"/cmdline"), "\x00", " "), words) &&
			strings.Contains(readOr(dir+"/status"), "\nPPid:\t"+parent+"\n") {
			return filepath.Base(dir)
		}
	}
	return ""
}

// ownLinks are what the descriptors of the test itself lead to: what it was given, and
// its ends of what it gives to its programs.
func ownLinks() (links []string) {
	paths, _ := filepath.Glob("/proc/self/fd/*")
	for _, path := range paths {
		if link, err := os.Readlink(path); err == nil {
			links = append(links, link)
		}
	}
	return links
}

// openable lists what can be opened of the process's descriptors from the first on,
// but for known links, files that have a name, and the sealed copies of programs.
func openable(pid string, first int, known []string) (open []string, sockets int, err error) {
	dir := filepath.Join("/proc", pid, "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		link, err := os.Readlink(path)
		if number, _ := strconv.Atoi(entry.Name()); err != nil || number < first || slices.Contains(known, link) || isNamed(link) {
			continue
		}
		if strings.HasPrefix(link, "socket:") {
			sockets++
		}
		for _, flags := range []int{os.O_RDONLY, os.O_WRONLY} {
			file, err := os.OpenFile(path, flags|unix.O_NONBLOCK, 0)
			if err == nil {
				file.Close()
				open = append(open, entry.Name()+" -> "+link)
			}
		}
	}
	return open, sockets, nil
}

// isNamed says of a file that it can be opened by its name as well.
func isNamed(link string) bool {
	_, err := os.Lstat(link)
	return filepath.IsAbs(link) && err == nil || strings.HasPrefix(link, "/memfd:")
}

// A pipe to a child is found.
func TestPipesCanBeOpened(t *testing.T) {
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer stdin.Close()
	open, _, err := openable(strconv.Itoa(cmd.Process.Pid), 0, nil)
	if err != nil || len(open) == 0 || !strings.HasPrefix(open[0], "0 -> pipe:") {
		t.Errorf("%q, %v", open, err)
	}
}
