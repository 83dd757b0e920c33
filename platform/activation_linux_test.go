package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// activatedChild prints what it was handed, and whether the variables are gone.
func activatedChild([]string) error {
	listeners, err := Activated()
	if err != nil {
		return err
	}
	got := map[string]string{}
	for name, l := range listeners {
		got[name] = l.Addr().String()
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if os.Getenv(name) != "" {
			return fmt.Errorf("%s is still set", name)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(got)
}

// activate starts the child as a service manager does: descriptors from 3 on,
// and LISTEN_PID of the process that was just made (plus pidShift).
func activate(t *testing.T, names string, files []*os.File, pidShift int) (map[string]string, error) {
	t.Helper()
	cmd := self(t, "activated")
	script := fmt.Sprintf(`export LISTEN_FDS=%d LISTEN_FDNAMES=%s LISTEN_PID=$(($$+%d)); exec "$0"`, len(files), names, pidShift)
	cmd.Args = []string{"sh", "-c", script, cmd.Path}
	cmd.Path = "/bin/sh"
	cmd.ExtraFiles = files
	cmd.Stderr = nil
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return nil, errors.New(string(failed.Stderr))
	}
	var got map[string]string
	if err == nil {
		err = json.Unmarshal(out, &got)
	}
	return got, err
}

// socketFile is a bound socket as a service manager holds it.
func socketFile(t *testing.T, network, address string) *os.File {
	t.Helper()
	var s interface{ File() (*os.File, error) }
	switch network {
	case "unixgram":
		c, err := net.ListenUnixgram(network, &net.UnixAddr{Name: address, Net: network})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s = c
	default:
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false)
		}
		defer l.Close()
		s = l.(interface{ File() (*os.File, error) })
	}
	f, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestActivated(t *testing.T) {
	dir := privateTemp(t)
	agent, control := filepath.Join(dir, "a"), filepath.Join(dir, "c")
	files := []*os.File{socketFile(t, "unix", agent), socketFile(t, "unix", control)}
	got, err := activate(t, "agent:control", files, 0)
	if want := map[string]string{"agent": agent, "control": control}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	got, err = activate(t, "agent:control", files, 1) // meant for another process
	if err != nil || len(got) != 0 {
		t.Errorf("another LISTEN_PID: got %v, %v; want nothing", got, err)
	}
}

func TestActivatedRefuses(t *testing.T) {
	dir := privateTemp(t)
	good := func(name string) *os.File { return socketFile(t, "unix", filepath.Join(dir, name)) }
	connected, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	pair := []*os.File{os.NewFile(uintptr(connected[0]), ""), os.NewFile(uintptr(connected[1]), "")}
	defer pair[0].Close()
	defer pair[1].Close()
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer other.Close()
	for _, test := range []struct {
		names, reason string
		files         []*os.File
	}{
		{"agent", "not a listening Unix stream socket", []*os.File{socketFile(t, "tcp", "127.0.0.1:0")}},
		{"agent", "not a listening Unix stream socket", []*os.File{socketFile(t, "unixgram", filepath.Join(dir, "dgram"))}},
		{"agent", "not a listening Unix stream socket", []*os.File{socketFile(t, "unixpacket", filepath.Join(dir, "packet"))}},
		{"agent", "not a listening Unix stream socket", pair[:1]},
		{"agent", "not a listening Unix stream socket", []*os.File{pipe}},
		{"agent:agent", `two sockets are named "agent"`, []*os.File{good("1"), good("2")}},
		{"keybroker.socket", `named "keybroker.socket"`, []*os.File{good("3")}},
		{"", `FileDescriptorName=agent`, []*os.File{good("4")}},
		{"agent:other", `named "other"`, []*os.File{good("5"), good("6")}},
	} {
		if got, err := activate(t, test.names, test.files, 0); err == nil || !strings.Contains(Text(err), test.reason) {
			t.Errorf("%q: got %v, %v; want an error with %q", test.names, got, err, test.reason)
		}
	}
}

func TestNotify(t *testing.T) {
	path := filepath.Join(privateTemp(t), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	for _, state := range []string{NotifyReady, NotifyStopping} { // the variable must outlast the first
		if err := Notify(state); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 64)
		n, err := manager.Read(buf)
		if err != nil || string(buf[:n]) != state {
			t.Errorf("the manager read %q, %v; want %q", buf[:n], err, state)
		}
	}
	t.Setenv("NOTIFY_SOCKET", path+"-gone")
	if err := Notify(NotifyReady); err == nil {
		t.Error("no error for a manager that is gone")
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Notify(NotifyReady); err != nil {
		t.Error("without a manager: ", err)
	}
}
