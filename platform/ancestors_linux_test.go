package platform

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

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
