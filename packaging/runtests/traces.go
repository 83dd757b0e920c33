//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endTime is how long processes may take to end by themselves.
const endTime = 5 * time.Second

// traces finds what tests leave behind. All their files are in one directory, which
// stands in the environment or the command line of all that they start.
type traces struct {
	dir    string
	before map[string]bool // existing files elsewhere
	sudo   bool            // sudo is available
}

// newTraces makes the directory, with a short path: sockets lie in it.
func newTraces(sudo bool) (*traces, error) {
	var dir string
	for { // like os.MkdirTemp, with fewer digits
		dir = fmt.Sprintf("/tmp/kbt%04d", rand.IntN(10000))
		if err := os.Mkdir(dir, 0o711); err == nil {
			break
		} else if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	if err := os.Chmod(dir, 0o711); err != nil { // some tests act as another user
		return nil, err
	}
	t := &traces{dir: dir, sudo: sudo, before: map[string]bool{}}
	for _, path := range elsewhere() {
		t.before[path] = true
	}
	return t, nil
}

// elsewhere is what programs put where we cannot tell them to: X servers, GnuPG and Qt.
func elsewhere() (paths []string) {
	for _, pattern := range []string{"/tmp/.X*-lock", "/tmp/.X11-unix/*", "/tmp/runtime-*", fmt.Sprintf("/run/user/%d/gnupg/*", os.Getuid()),
		fmt.Sprintf("/run/user/%d/keybroker*", os.Getuid()), "/run/sshd"} {
		found, _ := filepath.Glob(pattern)
		paths = append(paths, found...)
	}
	return paths
}

// left kills the processes that are still there, and says what there was.
func (t *traces) left() (list []string) {
	var pids []int
	for end := time.Now().Add(endTime); ; time.Sleep(50 * time.Millisecond) {
		if pids = t.processes(); len(pids) == 0 || time.Now().After(end) {
			break
		}
	}
	for _, pid := range pids {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		list = append(list, fmt.Sprintf("process %d: %s", pid, strings.ReplaceAll(string(line), "\x00", " ")))
		if syscall.Kill(pid, syscall.SIGKILL) != nil {
			_ = exec.Command("sudo", "-n", "kill", "-KILL", strconv.Itoa(pid)).Run()
		}
	}
	for _, dir := range []string{t.dir, t.rootDir()} {
		list = append(list, filesIn(dir)...)
	}
	for _, path := range elsewhere() {
		if !t.before[path] && !othersDisplay(path) {
			list = append(list, path)
		}
	}
	return list
}

// rootDir is the directory for tests that run as root: nothing above it may be the
// user's. Its name begins like the other one's, so that processes have that in theirs.
func (t *traces) rootDir() string { return t.dir + "r" }

func filesIn(dir string) (paths []string) {
	names, err := exec.Command("ls", "-A", dir).Output()
	if err != nil {
		names, _ = exec.Command("sudo", "-n", "ls", "-A", dir).Output()
	}
	for _, name := range strings.Fields(string(names)) {
		if name != goCache {
			paths = append(paths, withContents(filepath.Join(dir, name)))
		}
	}
	return paths
}

// maxContents bounds how many files of a directory that was left are named.
const maxContents = 5

// withContents adds what is in a directory: that tells who left it.
func withContents(path string) string {
	names, _ := exec.Command("find", path, "-mindepth", "1", "-printf", "%P\n").Output()
	found := strings.Split(strings.TrimSpace(string(names)), "\n")
	return strings.TrimSpace(path + " " + strings.Join(found[:min(len(found), maxContents)], " "))
}

// processes are those in whose environment, command line or directory the tests' is.
func (t *traces) processes() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range all {
		pid, _ := strconv.Atoi(filepath.Base(proc))
		cwd, _ := os.Readlink(proc + "/cwd")
		environ, _ := os.ReadFile(proc + "/environ")
		line, _ := os.ReadFile(proc + "/cmdline")
		if pid != os.Getpid() && slices.ContainsFunc([]string{cwd, string(environ), string(line)}, func(s string) bool { return strings.Contains(s, t.dir) }) {
			pids = append(pids, pid)
		}
	}
	if t.sudo {
		pids = append(pids, t.closed()...)
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// closed are the processes that keep the user out, as a broker does and the prompts
// it starts: root sees their environment.
func (t *traces) closed() (pids []int) {
	look := exec.Command("sudo", "-n", "sh", "-c", `grep -ls "$(cat)" /proc/[0-9]*/environ`)
	look.Stdin = strings.NewReader(t.dir) // in its arguments it would be found itself
	out, _ := look.Output()
	for path := range strings.FieldsSeq(string(out)) {
		if pid, err := strconv.Atoi(strings.Split(path, "/")[2]); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// othersDisplay reports whether an X server answers there. It is not one of ours, which
// have ended. (Its lock file may contain a process id of another namespace.)
func othersDisplay(path string) bool {
	number := strings.TrimLeft(strings.TrimSuffix(filepath.Base(path), "-lock"), ".X")
	conn, err := net.Dial("unix", "/tmp/.X11-unix/X"+number)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// remove removes the directories.
func (t *traces) remove() {
	_ = os.RemoveAll(t.dir)
	if _, err := os.Lstat(t.rootDir()); err == nil {
		_ = exec.Command("sudo", "-n", "rm", "-rf", t.rootDir()).Run()
	}
}
