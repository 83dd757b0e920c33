//go:build linux

package waylandtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keybroker/keybroker/desktop/desktoptest"
	"github.com/keybroker/keybroker/platform/platformtest"
)

// patience bounds every wait for an event. No test asserts a time.
const patience = 60 * time.Second

// Sway is a running compositor.
type Sway struct {
	dir   string            // its runtime directory
	env   map[string]string // of the programs that it starts
	input *input

	process *os.Process
	ended   <-chan struct{} // closed when the process has ended
}

// killGroup kills the remaining programs that sway has started.
func (s *Sway) killGroup() { _ = syscall.Kill(-s.process.Pid, syscall.SIGKILL) }

// Width and Height are the size of its only monitor.
const Width, Height = 1000, 700

// Start runs sway until the test ends, with or without XWayland.
func Start(t testing.TB, xwayland bool) *Sway {
	t.Helper()
	dir := platformtest.Home(t, "kbw")
	s := &Sway{dir: dir}
	cmd := exec.Command(desktoptest.Program(t, "sway"), "--config", s.configure(t, xwayland))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "LC_ALL=C.UTF-8",
		"DBUS_SESSION_BUS_ADDRESS=disabled:", "NO_AT_BRIDGE=1", // otherwise a toolkit starts a bus that outlives it
		"WLR_BACKENDS=headless", "WLR_LIBINPUT_NO_DEVICES=1", "WLR_RENDERER=pixman"}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, attributes()
	if s.ended, err = platformtest.Start(cmd); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("sway does not run as root, and user namespaces are not available: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	s.process = cmd.Process
	t.Cleanup(func() {
		s.process.Signal(syscall.SIGTERM) // so that it removes the sockets of XWayland
		<-s.ended
		s.killGroup()
	})
	s.readEnv(t)
	if s.input, err = s.newInput(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.input.Close() })
	return s
}

// Kill kills sway and all programs that it has started, like a crash.
func (s *Sway) Kill(t testing.TB) {
	t.Helper()
	if number, ok := strings.CutPrefix(s.Env("DISPLAY"), ":"); ok { // ours while sway runs
		os.Remove("/tmp/.X" + number + "-lock")
		os.Remove("/tmp/.X11-unix/X" + number)
	}
	if err := s.process.Kill(); err != nil {
		t.Error(err)
	}
	s.killGroup()
}

// attributes run root's sway as another user in a user namespace, because sway does not
// run as root. Outside, that user is root. The process namespace ends all programs with
// sway. A plain user needs no namespaces, in which XWayland could not check the owner of
// /tmp/.X11-unix.
func attributes() *syscall.SysProcAttr {
	const insideID = 1000
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{
		Setsid:      true,
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: insideID, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: insideID, HostID: os.Getgid(), Size: 1}},
	}
}

// configure writes sway's configuration: one monitor, and a command that writes the
// environment of the session's programs to a file.
func (s *Sway) configure(t testing.TB, xwayland bool) (path string) {
	t.Helper()
	text := "xwayland " + map[bool]string{true: "enable", false: "disable"}[xwayland] + "\n" +
		fmt.Sprintf("output HEADLESS-1 resolution %dx%d\n", Width, Height) +
		"exec env -0 >" + s.dir + "/env.new && mv " + s.dir + "/env.new " + s.dir + "/env\n"
	path = filepath.Join(s.dir, "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *Sway) readEnv(t testing.TB) {
	t.Helper()
	var text []byte
	s.WaitUntil(t, "sway runs", func() bool {
		text, _ = os.ReadFile(filepath.Join(s.dir, "env"))
		return len(text) > 0
	})
	s.env = map[string]string{}
	for pair := range strings.SplitSeq(string(text), "\x00") {
		name, value, _ := strings.Cut(pair, "=")
		s.env[name] = value
	}
}

// Env is a variable in the environment of the session's programs, without the variables
// that configure sway itself.
func (s *Sway) Env(name string) string {
	if strings.HasPrefix(name, "WLR_") {
		return ""
	}
	return s.env[name]
}

// Command runs a program in the session.
func (s *Sway) Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	for name := range s.env {
		if value := s.Env(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

// Window is a window that sway shows.
type Window struct {
	Title    string
	At       image.Rectangle // without the frame
	Floating bool            // above the tiled windows
	Focused  bool
	X11      bool // shown by XWayland
}

// node is a node of GET_TREE, sway-ipc(7).
type node struct {
	Type     string `json:"type"`
	Name     string `json:"name"`
	Shell    string `json:"shell"`
	Focused  bool   `json:"focused"`
	Visible  bool   `json:"visible"`
	Rect     place  `json:"rect"`
	Inner    place  `json:"window_rect"`
	Nodes    []node `json:"nodes"`
	Floating []node `json:"floating_nodes"`
}

type place struct{ X, Y, Width, Height int }

// Windows lists the visible windows, the top one last.
func (s *Sway) Windows(t testing.TB) []Window {
	t.Helper()
	out, err := s.Command(desktoptest.Program(t, "swaymsg"), "--raw", "--type", "get_tree").Output()
	var root node
	if err == nil {
		err = json.Unmarshal(out, &root)
	}
	if err != nil {
		t.Errorf("swaymsg: %v", err)
	}
	return root.windows()
}

func (n node) windows() (list []Window) {
	if n.Shell != "" && n.Visible {
		x, y := n.Rect.X+n.Inner.X, n.Rect.Y+n.Inner.Y
		list = append(list, Window{n.Name, image.Rect(x, y, x+n.Inner.Width, y+n.Inner.Height),
			n.Type == "floating_con", n.Focused, n.Shell == "xwayland"})
	}
	for _, children := range [][]node{n.Nodes, n.Floating} {
		for _, child := range children {
			list = append(list, child.windows()...)
		}
	}
	return list
}

// WaitForWindow waits for a window whose title has the prefix title.
func (s *Sway) WaitForWindow(t testing.TB, title string) (w Window) {
	t.Helper()
	s.WaitUntil(t, "a window "+title+" is shown", func() bool {
		for _, w = range s.Windows(t) {
			if strings.HasPrefix(w.Title, title) && !w.At.Empty() {
				return true
			}
		}
		return false
	})
	return w
}

// Message runs a sway command, sway(5).
func (s *Sway) Message(t testing.TB, command string) {
	t.Helper()
	if out, err := s.Command(desktoptest.Program(t, "swaymsg"), command).CombinedOutput(); err != nil {
		t.Errorf("swaymsg: %v\n%s", err, out)
	}
}

// WaitUntil waits for a condition.
func (s *Sway) WaitUntil(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			t.Fatalf("waited too long until %s\n%s", what, log)
		}
	}
}

// Screenshot writes a picture of the screen as PNG.
func (s *Sway) Screenshot(t testing.TB, path string) {
	t.Helper()
	if out, err := s.Command(desktoptest.Program(t, "grim"), path).CombinedOutput(); err != nil {
		t.Errorf("grim: %v\n%s", err, out)
	}
}
