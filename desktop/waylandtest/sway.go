//go:build linux

// Package waylandtest is a Wayland desktop that nobody sees, for tests: sway
// without hardware, and the hands of a person before it.
package waylandtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keybroker/keybroker/desktop/desktoptest"
)

// patience bounds every wait for an event; no test asserts a time.
const patience = 60 * time.Second

// Sway is a running compositor.
type Sway struct {
	dir   string            // its runtime directory
	env   map[string]string // what it sets for the programs that it starts
	hands *hands

	process *os.Process
	ended   chan struct{} // closed when it has ended
}

// start makes it end with the tests, should they be killed. The kernel means the
// thread that started it, so that one does nothing else until then.
func (s *Sway) start(cmd *exec.Cmd) error {
	started := make(chan error)
	s.ended = make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(s.ended)
		err := cmd.Start()
		s.process = cmd.Process
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	return <-started
}

// killGroup ends what sway has started and not ended.
func (s *Sway) killGroup() { _ = syscall.Kill(-s.process.Pid, syscall.SIGKILL) }

// Wide and High are the size of its one monitor.
const Wide, High = 1000, 700

// Start runs sway until the test's end, with XWayland or without.
func Start(t testing.TB, xwayland bool) *Sway {
	t.Helper()
	dir, err := os.MkdirTemp("", "kbw") // short: a socket's path is bounded
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Sway{dir: dir}
	cmd := exec.Command(desktoptest.Program(t, "sway"), "--config", s.configure(t, xwayland))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "LC_ALL=C.UTF-8",
		"DBUS_SESSION_BUS_ADDRESS=disabled:", "NO_AT_BRIDGE=1", // a toolkit would start a bus, and leave it behind
		"WLR_BACKENDS=headless", "WLR_LIBINPUT_NO_DEVICES=1", "WLR_RENDERER=pixman"}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, attributes()
	if err := s.start(cmd); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("sway does not run as root, and no user namespace can be made here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.process.Signal(syscall.SIGTERM) // so that it removes the sockets of XWayland
		<-s.ended
		s.killGroup()
	})
	s.readEnv(t)
	if s.hands, err = s.newHands(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.hands.Close() })
	return s
}

// Kill ends sway as a crash would, with all that it has started.
func (s *Sway) Kill(t testing.TB) {
	t.Helper()
	if number, ok := strings.CutPrefix(s.Env("DISPLAY"), ":"); ok { // which nobody else has, as long as it runs
		os.Remove("/tmp/.X" + number + "-lock")
		os.Remove("/tmp/.X11-unix/X" + number)
	}
	if err := s.process.Kill(); err != nil {
		t.Error(err)
	}
	s.killGroup()
}

// attributes give root's sway a user that is not root, as which it does not run, and
// that is the same as ours when seen from outside. There whatever it starts ends with
// it. A plain user's needs none, and XWayland would not know there whose /tmp/.X11-unix is.
func attributes() *syscall.SysProcAttr {
	const inside = 1000
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	}
	return &syscall.SysProcAttr{
		Setsid: true, Pdeathsig: syscall.SIGKILL,
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: inside, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: inside, HostID: os.Getgid(), Size: 1}},
	}
}

// configure writes sway's configuration: one monitor, and a program that tells
// the environment of what is started in the session.
func (s *Sway) configure(t testing.TB, xwayland bool) (path string) {
	t.Helper()
	text := "xwayland " + map[bool]string{true: "enable", false: "disable"}[xwayland] + "\n" +
		fmt.Sprintf("output HEADLESS-1 resolution %dx%d\n", Wide, High) +
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
	s.Until(t, "sway runs", func() (err bool) {
		text, _ = os.ReadFile(filepath.Join(s.dir, "env"))
		return len(text) > 0
	})
	s.env = map[string]string{}
	for pair := range strings.SplitSeq(string(text), "\x00") {
		name, value, _ := strings.Cut(pair, "=")
		s.env[name] = value
	}
}

// Env is the environment of a program of the session. Of what only this test
// has set, HOME, PATH and XDG_RUNTIME_DIR are in it.
func (s *Sway) Env(name string) string {
	if strings.HasPrefix(name, "WLR_") {
		return ""
	}
	return s.env[name]
}

// Command is a program of the session.
func (s *Sway) Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	for name := range s.env {
		if value := s.Env(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

// Window is one that sway shows.
type Window struct {
	Title    string
	At       image.Rectangle // without its frame
	Floating bool            // above those that are not
	Focused  bool
	X11      bool // by XWayland
}

// node is sway's, in sway-ipc(7), GET_TREE.
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

// Windows are those that are visible, the one on top last.
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

// Shown waits for the window whose title begins so.
func (s *Sway) Shown(t testing.TB, title string) (w Window) {
	t.Helper()
	s.Until(t, "a window "+title+" is shown", func() bool {
		for _, w = range s.Windows(t) {
			if strings.HasPrefix(w.Title, title) && !w.At.Empty() {
				return true
			}
		}
		return false
	})
	return w
}

// Message tells sway something, as its configuration would: sway(5).
func (s *Sway) Message(t testing.TB, command string) {
	t.Helper()
	if out, err := s.Command(desktoptest.Program(t, "swaymsg"), command).CombinedOutput(); err != nil {
		t.Errorf("swaymsg: %v\n%s", err, out)
	}
}

// Until waits for a condition.
func (s *Sway) Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			t.Fatalf("it never came to be: %s\n%s", what, log)
		}
	}
}

// Shot writes a picture of the screen.
func (s *Sway) Shot(t testing.TB, path string) {
	t.Helper()
	if out, err := s.Command(desktoptest.Program(t, "grim"), path).CombinedOutput(); err != nil {
		t.Errorf("grim: %v\n%s", err, out)
	}
}
