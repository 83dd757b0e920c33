package platform

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A pid that was given away belongs to a process younger than the child.
func TestParentMustBeOlder(t *testing.T) {
	here, err := look(os.Getpid(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	child := sighting{Process: here.Process, parent: os.Getpid()} // as old as its parent: within one tick
	if got := parentsOf(child); len(got) == 0 || got[0].PID != os.Getpid() {
		t.Fatalf("parents %+v; want this test first", got)
	}
	child.Start--
	if got := parentsOf(child); len(got) != 0 {
		t.Errorf("parents %+v; want none", got)
	}
}

func TestArgsAreClipped(t *testing.T) {
	for _, test := range []struct {
		args []string
		want int // arguments
	}{
		{slices.Repeat([]string{"a"}, 3*MaxArgs), MaxArgs},
		{[]string{strings.Repeat("b", 3*MaxArgBytes), "c"}, 2},
	} {
		path := filepath.Join(privateTemp(t), "s")
		l := mustListen(t, path)
		peer := peerOfConn(t, accept(t, l, self(t, "connect", append([]string{path}, test.args...)...)))
		size := len(strings.Join(peer.Args, " "))
		if want := test.want; len(peer.Args) < want || len(peer.Args) > max(want, 3) || size > MaxArgBytes {
			t.Errorf("%d arguments of %d bytes; want %d of at most %d", len(peer.Args), size, want, MaxArgBytes)
		}
	}
}

// What an ordinary user sees of a process of root: the kernel's name for it.
func TestLookAtHiddenProcess(t *testing.T) {
	cmd := asNobody(t, self(t, "look", strconv.Itoa(os.Getpid())))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got Process
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	comm, err := readStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if got.Executable != "" || got.Name != comm.comm || got.Start != comm.start {
		t.Errorf("got %+v; want the name %q, the start %d and no executable", got, comm.comm, comm.start)
	}
}

// asNobody runs cmd without privileges. It hands over the test binary as a
// descriptor, because nobody cannot enter the directory that it lies in.
func asNobody(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: runs a program as another user")
	}
	exe, err := os.Open(cmd.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { exe.Close() })
	cmd.ExtraFiles = append([]*os.File{exe}, cmd.ExtraFiles...)
	cmd.Path = "/proc/self/fd/3"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	cmd.Dir = "/"
	return cmd
}

// A kernel before 6.5 has no pidfd of the peer: then the start time counts.
func TestLivesWithoutPidfd(t *testing.T) {
	seen, err := look(os.Getpid(), 0, 0)
	if err != nil || !lives(seen.Process, noPidfd) {
		t.Fatalf("%+v, %v: want a live process", seen, err)
	}
	reused := seen.Process
	reused.Start++
	if lives(reused, noPidfd) {
		t.Error("a process with another start time passes for the same")
	}
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone, err := look(cmd.Process.Pid, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	for lives(gone.Process, noPidfd) { // until it is a zombie
	}
	if seen, err := look(cmd.Process.Pid, 0, 0); err == nil {
		t.Errorf("a zombie is seen as a program: %+v", seen)
	}
	cmd.Wait()
	if lives(gone.Process, noPidfd) {
		t.Error("a process that is gone passes for alive")
	}
}

func TestTerminalName(t *testing.T) {
	for dev, want := range map[uint64]string{
		0: "", unix.Mkdev(136, 3): "pts/3", unix.Mkdev(137, 1): "pts/257", unix.Mkdev(136, 300): "pts/300",
		unix.Mkdev(4, 2): "tty2", unix.Mkdev(4, 65): "ttyS1", unix.Mkdev(188, 0): "char/188:0",
	} {
		if got := terminalName(dev); got != want {
			t.Errorf("device %#x is %q; want %q", dev, got, want)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own)
	f.Add([]byte("7 (a) R 1 (b) S 5 0 0 34819 0 0 0 0 0 0 0 0 0 0 0 0 0 0 99 0"))
	f.Add([]byte("7 (a"))
	if st, err := parseStat(own); err != nil || st.parent != os.Getppid() {
		f.Fatalf("own stat: %+v, %v", st, err)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		st, err := parseStat(line)
		if err == nil && !strings.Contains(string(line), "("+st.comm+")") {
			t.Errorf("%q: the name %q", line, st.comm)
		}
	})
}

func TestParseStatName(t *testing.T) {
	st, err := parseStat([]byte("7 (a) R 1 (b) S 5 0 0 34819 0 0 0 0 0 0 0 0 0 0 0 0 0 0 99 0"))
	want := stat{comm: "a) R 1 (b", state: 'S', parent: 5, tty: 34819, start: 99}
	if err != nil || st != want {
		t.Errorf("%+v, %v; want %+v", st, err, want)
	}
}
