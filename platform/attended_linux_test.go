package platform

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inTerminal runs a shell line on a terminal of its own.
func inTerminal(t *testing.T, line string) *exec.Cmd {
	t.Helper()
	cmd := self(t, "connect")
	var err error
	if cmd.Path, err = exec.LookPath("script"); err != nil {
		t.Skip("needs script(1)")
	}
	cmd.Args = []string{"script", "-qec", line, "/dev/null"}
	return cmd
}

func TestPeerIsAttended(t *testing.T) {
	exe := "'" + executable(t) + "'"
	for _, test := range []struct {
		name                             string
		cmd                              func(path string) *exec.Cmd
		foreground, attended, background bool
	}{
		{"in the foreground", func(path string) *exec.Cmd { return inTerminal(t, exe+" "+path) }, true, true, false},
		{"a job in the background", func(path string) *exec.Cmd {
			return inTerminal(t, "bash -mc \""+exe+" "+path+" & wait\"")
		}, false, true, false},
		{"without a terminal, started from one", func(path string) *exec.Cmd {
			return inTerminal(t, "sh -c \"setsid -w "+exe+" "+path+"; :\"")
		}, false, true, false},
		{"nobody before it", func(path string) *exec.Cmd {
			cmd := self(t, "connect", path)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			return cmd
		}, false, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(privateTemp(t), "s")
			peer := peerOfConn(t, accept(t, mustListen(t, path), test.cmd(path)))
			if peer.Foreground != test.foreground || peer.Attended != test.attended || peer.Background() != test.background {
				t.Errorf("%s: foreground %v, attended %v, background %v", peer.Chain(), peer.Foreground, peer.Attended, peer.Background())
			}
		})
	}
	if (Peer{}).Background() {
		t.Error("a program that could not be identified is not known to be in the background")
	}
}

func TestPeerInAContainer(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil || exec.Command(unshare, "--pid", "--fork", "true").Run() != nil {
		t.Skip("needs unshare(1), and root")
	}
	ours := once(linkAt(unix.AT_FDCWD, "/proc/self/ns/pid") + " " + linkAt(unix.AT_FDCWD, "/proc/self/ns/mnt"))
	for _, own := range []string{"--pid", "--mount", ""} {
		path := filepath.Join(privateTemp(t), "s")
		cmd := self(t, "connect", path)
		if own != "" {
			cmd.Args = append([]string{"unshare", own, "--fork", cmd.Path}, cmd.Args[1:]...)
			cmd.Path = unshare
		}
		peer := peerOfConn(t, accept(t, mustListen(t, path), cmd))
		shares := peer.Shares
		if peer.Container != (own == "--pid") || (shares.Namespaces == ours) != (own == "") || shares.Namespaces == "" || shares.OwnMounts != (own == "--mount") {
			t.Errorf("unshare %s: %s: in a container %v, %+v", own, peer.Chain(), peer.Container, shares)
		}
		if session, err := unix.Getsid(peer.PID); err != nil || shares.Session != session {
			t.Errorf("session %d, %v: %+v", session, err, shares)
		}
	}
}

// Where git works is told of the nearest git in the chain, and of no other program.
func TestPeerGitDirectory(t *testing.T) {
	bin, work := privateTemp(t), privateTemp(t)
	data, err := os.ReadFile(executable(t))
	if err == nil {
		err = os.WriteFile(filepath.Join(bin, "git"), data, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]string{filepath.Join(bin, "git"): work, executable(t): ""} {
		path := filepath.Join(privateTemp(t), "s")
		cmd := self(t, "run", "connect", executable(t), path)
		cmd.Path, cmd.Dir = program, work
		cmd.Args[0] = program
		if peer := peerOfConn(t, accept(t, mustListen(t, path), cmd)); peer.Directory != want {
			t.Errorf("%s: %q, want %q", peer.Chain(), peer.Directory, want)
		}
	}
}
