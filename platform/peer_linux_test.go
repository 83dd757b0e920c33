package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// connectChild connects, says so, and stays until the other end hangs up.
func connectChild(args []string) error {
	conn, err := net.Dial("unix", args[0])
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

// leaveChild connects, leaves the connection to a cat, and ends when its input
// does. The cat ends when the other end hangs up.
func leaveChild(args []string) error {
	conn, err := net.Dial("unix", args[0])
	if err != nil {
		return err
	}
	file, err := conn.(*net.UnixConn).File()
	if err != nil {
		return err
	}
	heir := exec.Command("cat")
	heir.Stdin = file
	if err := heir.Start(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// execChild connects, waits for a byte, and becomes a cat on the connection.
func execChild(args []string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: args[0]}); err != nil {
		return err
	}
	if _, err := unix.Read(fd, make([]byte, 1)); err != nil {
		return err
	}
	if err := errors.Join(unix.Dup2(fd, 0), unix.Dup2(fd, 1)); err != nil {
		return err
	}
	return unix.Exec("/bin/cat", []string{"cat"}, nil)
}

// runChild runs its arguments as its own child.
func runChild(args []string) error {
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Env = append(os.Environ(), childVariable+"="+args[0])
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// lookChild prints what it can see of the process that it is told of.
func lookChild(args []string) error {
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	seen, err := look(pid, MaxArgs, MaxArgBytes)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(seen.Process)
}

// accept starts cmd, which connects to path, and ends it with the test.
func accept(t *testing.T, l net.Listener, cmd *exec.Cmd) net.Conn {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close() // the child ends by it
		cmd.Wait()
	})
	return conn
}

func peerOfConn(t *testing.T, conn net.Conn) Peer {
	t.Helper()
	peer, err := PeerOf(conn)
	if err != nil {
		t.Fatal(err)
	}
	return peer
}

func executable(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func TestPeerThroughShell(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	exe := executable(t)
	cmd := self(t, "connect")
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `"$0" "$1" "" "two words"; true`, exe, path}
	peer := peerOfConn(t, accept(t, l, cmd))

	if peer.User != strconv.Itoa(os.Getuid()) || !SameUser(peer) || !peer.Identified {
		t.Errorf("user %q, same user %v, identified %v", peer.User, SameUser(peer), peer.Identified)
	}
	if peer.Executable != exe || peer.Name != filepath.Base(exe) {
		t.Errorf("executable %q, name %q; want %q", peer.Executable, peer.Name, exe)
	}
	if want := []string{exe, path, "", "two words"}; !slices.Equal(peer.Args, want) {
		t.Errorf("args %q; want %q", peer.Args, want)
	}
	if len(peer.Parents) < 2 {
		t.Fatalf("parents %v; want the shell and this test", peer.Parents)
	}
	shell, here := peer.Parents[0], peer.Parents[1]
	if dash, _ := filepath.EvalSymlinks("/bin/sh"); shell.PID != cmd.Process.Pid || shell.Executable != dash || shell.Args[1] != "-c" {
		t.Errorf("the first parent is %+v; want the shell", shell)
	}
	if here.PID != os.Getpid() || here.Executable != exe || here.Start == 0 || here.Start > peer.Start {
		t.Errorf("the second parent is %+v; want this test", here)
	}
	if peer.Parents[len(peer.Parents)-1].PID <= 1 || len(peer.Parents) > MaxAncestors {
		t.Error("the chain goes too far")
	}
	if peer.SSHLogin != slices.ContainsFunc(peer.Parents, isSSHD) {
		t.Error("SSHLogin does not follow from the parents")
	}
}

func TestPeerIsSelf(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	client, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	open := openFiles(t)
	if peer := peerOfConn(t, server); peer.PID != os.Getpid() {
		t.Errorf("pid %d; want %d", peer.PID, os.Getpid())
	}
	if now := openFiles(t); now != open {
		t.Errorf("%d open files before, %d after", open, now)
	}
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// The program that connected ends while another one holds the connection.
func TestPeerGone(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	cmd := self(t, "leave", path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	conn := accept(t, l, cmd)
	if peer := peerOfConn(t, conn); !peer.Identified || peer.PID != cmd.Process.Pid {
		t.Fatalf("while it lives: %+v", peer)
	}
	stdin.Close()
	ended := false
	for !ended { // until it is a zombie: ended, not yet waited for
		st, err := readStat(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		ended = st.state == 'Z'
	}
	want := Peer{User: strconv.Itoa(os.Getuid())}
	if peer := peerOfConn(t, conn); !reflect.DeepEqual(peer, want) {
		t.Errorf("as a zombie: %+v; want %+v", peer, want)
	}
	cmd.Wait()
	if peer := peerOfConn(t, conn); !reflect.DeepEqual(peer, want) {
		t.Errorf("gone: %+v; want %+v", peer, want)
	}
	if peer := peerOfConn(t, conn); peer.Chain() != "unknown program" {
		t.Errorf("chain %q", peer.Chain())
	}
}

// The limit that PeerOf documents: after exec, the new program is seen.
func TestPeerAfterExec(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	conn := accept(t, l, self(t, "exec", path))
	if peer := peerOfConn(t, conn); peer.Executable != executable(t) {
		t.Errorf("before: %+v", peer)
	}
	if _, err := conn.Write([]byte("12")); err != nil { // the second byte comes back from the cat
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if peer := peerOfConn(t, conn); peer.Name != "cat" || !peer.Identified {
		t.Errorf("after: %+v", peer)
	}
}

func TestSSHLogin(t *testing.T) {
	for name, want := range map[string]bool{"sshd": true, "sshd-session": true, "sshd-helper": false} {
		dir := privateTemp(t)
		path := filepath.Join(dir, "s")
		l := mustListen(t, path)
		shell := filepath.Join(dir, name)
		copyFile(t, "/bin/sh", shell)
		cmd := self(t, "connect")
		cmd.Path, cmd.Args = shell, []string{"innocent", "-c", `"$0" "$1"; true`, executable(t), path}
		conn := accept(t, l, cmd)
		if peer := peerOfConn(t, conn); peer.Parents[0].Name != name || peer.SSHLogin != want {
			t.Errorf("%s: parent %q, ssh login %v; want %v", name, peer.Parents[0].Name, peer.SSHLogin, want)
		}
		os.Remove(shell) // a package upgrade does it too
		peer := peerOfConn(t, conn)
		if got := peer.Parents[0]; got.Name != name || got.Executable != shell+" (deleted)" || peer.SSHLogin != want {
			t.Errorf("%s, deleted: %+v, ssh login %v", name, got, peer.SSHLogin)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A deep chain is cut, and only the nearest parents keep arguments.
func TestParentLimits(t *testing.T) {
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	exe := executable(t)
	args := []string{"connect", exe, path}
	for range MaxAncestors + 1 {
		args = append([]string{"run", exe}, args...)
	}
	peer := peerOfConn(t, accept(t, l, self(t, "run", args...)))
	if len(peer.Parents) != MaxAncestors {
		t.Fatalf("%d parents; want %d", len(peer.Parents), MaxAncestors)
	}
	for i, parent := range peer.Parents {
		if has := len(parent.Args) > 0; has != (i < parentsWithArgs) || len(parent.Args) > maxParentArgs {
			t.Errorf("parent %d keeps the arguments %q", i, parent.Args)
		}
		if parent.Executable != exe {
			t.Errorf("parent %d is %q", i, parent.Executable)
		}
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

// A TCP socket answers SO_PEERCRED too, with nobody; PeerOf must not.
func TestPeerNeedsUnixSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tcp, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	for _, conn := range []net.Conn{tcp, pipe} {
		if peer, err := PeerOf(conn); err == nil || SameUser(peer) {
			t.Errorf("%T: %+v, %v; want an error", conn, peer, err)
		}
	}
}

// A peer in a pid namespace beside ours has no pid here.
func TestPeerWithoutPid(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: makes a pid namespace")
	}
	path := filepath.Join(privateTemp(t), "s")
	outside := mustListen(t, path)
	cmd := self(t, "connect", path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	conn := accept(t, outside, cmd)
	if peer := peerOfConn(t, conn); peer.PID != cmd.Process.Pid || !peer.Identified {
		t.Errorf("a namespace below ours: %+v; want pid %d", peer, cmd.Process.Pid)
	}

	// The other way round: the child in its namespace looks at this process.
	inside := self(t, "peer", path+"2")
	inside.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	stdout, _ := inside.StdoutPipe()
	if err := inside.Start(); err != nil {
		t.Fatal(err)
	}
	defer inside.Wait()
	if _, err := io.ReadFull(stdout, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("unix", path+"2")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var got Peer
	if err := json.NewDecoder(stdout).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if want := (Peer{User: "0"}); !reflect.DeepEqual(got, want) {
		t.Errorf("from inside: %+v; want %+v", got, want)
	}
}

// peerChild accepts one connection and prints whose it is.
func peerChild(args []string) error {
	l, err := Listen(args[0])
	if err != nil {
		return err
	}
	defer l.Close()
	fmt.Println("ready")
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	peer, err := PeerOf(conn)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(peer)
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
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone, err := look(cmd.Process.Pid, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for lives(gone.Process, noPidfd) { // until it is a zombie
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

// The real one: script(1) gives the child a terminal of its own.
func TestPeerTerminal(t *testing.T) {
	if _, err := exec.LookPath("script"); err != nil {
		t.Skip("needs script(1)")
	}
	path := filepath.Join(privateTemp(t), "s")
	l := mustListen(t, path)
	cmd := self(t, "connect")
	exe := executable(t)
	cmd.Path, _ = exec.LookPath("script")
	cmd.Args = []string{"script", "-qec", "'" + exe + "' '" + path + "'", "/dev/null"}
	peer := peerOfConn(t, accept(t, l, cmd))
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", peer.PID))
	if err != nil || "/dev/"+peer.Terminal != link {
		t.Errorf("terminal %q; its input is %q, %v", peer.Terminal, link, err)
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

func BenchmarkPeerOf(b *testing.B) {
	path := filepath.Join(b.TempDir(), "d", "s")
	l, err := Listen(path)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	conn, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	b.ReportAllocs()
	for b.Loop() {
		if peer, err := PeerOf(conn); err != nil || !peer.Identified {
			b.Fatal(peer, err)
		}
	}
}
