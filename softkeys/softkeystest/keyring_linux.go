package softkeystest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/keybroker/keybroker/platform/platformtest"
	"golang.org/x/sys/unix"
)

// startTimeout bounds the start of a daemon on a busy machine.
const startTimeout = 20 * time.Second

const secretService = "org.freedesktop.secrets"

// Bus is a private session bus with a private home directory. There is no
// display, so no prompt can be shown.
type Bus struct {
	Address string
	Home    string
	t       testing.TB
	conn    *dbus.Conn
}

// emptyBus is a bus that can start no service.
const emptyBus = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>
<policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`

// StartBus starts a bus. If services is set, the bus starts the system's services
// on demand, as on a desktop.
func StartBus(t testing.TB, services bool) *Bus {
	t.Helper()
	home := platformtest.Home(t, "keybroker-bus")
	args := []string{"--nofork", "--nopidfile", "--print-address", "--address=unix:path=" + filepath.Join(home, "bus")}
	if services {
		args = append(args, "--session")
	} else {
		config := filepath.Join(home, "bus.conf")
		if err := os.WriteFile(config, []byte(emptyBus), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config-file="+config)
	}
	b := &Bus{Home: home, t: t}
	cmd := b.command("dbus-daemon", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("dbus-daemon printed no address: %v", err)
	}
	b.Address = strings.TrimSpace(line)
	if b.conn, err = dbus.Connect(b.Address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

// command prepares a program that sees only the bus's home directory.
func (b *Bus) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.Home, "XDG_RUNTIME_DIR=" + b.Home,
		"XDG_DATA_HOME=" + filepath.Join(b.Home, "data"), "DBUS_SESSION_BUS_ADDRESS=" + b.Address}
	return cmd
}

// start starts cmd, and ends it with the test.
func start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	ended, err := platformtest.Start(cmd)
	if err != nil {
		t.Fatalf("%v\nthis test needs gnome-keyring and dbus-daemon: make deps", err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
}

// close ends the keyring that the bus may have started.
func (b *Bus) close() {
	b.KillKeyring()
	b.conn.Close()
}

// StartKeyring starts a gnome-keyring-daemon with an open, empty keyring.
func (b *Bus) StartKeyring() {
	b.t.Helper()
	cmd := b.command("gnome-keyring-daemon", "--unlock", "--foreground", "--components=secrets")
	cmd.Stdin = strings.NewReader("keyring password")
	start(b.t, cmd)
	b.await("a Secret Service", func() bool { return b.keyring() != 0 })
}

// LockKeyring locks the default keyring.
func (b *Bus) LockKeyring() {
	b.t.Helper()
	object := b.conn.Object(secretService, "/org/freedesktop/secrets")
	err := object.Call("org.freedesktop.Secret.Service.Lock", 0,
		[]dbus.ObjectPath{"/org/freedesktop/secrets/aliases/default"}).Err
	if err != nil {
		b.t.Fatal(err)
	}
}

// KillKeyring ends the Secret Service, even one that the bus started.
func (b *Bus) KillKeyring() {
	pid := b.keyring()
	if pid == 0 {
		return
	}
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // it has ended
	}
	defer unix.Close(process)
	unix.PidfdSendSignal(process, unix.SIGTERM, nil, 0)
	b.await("the end of the Secret Service", func() bool { return hasEnded(process) && b.keyring() != pid })
}

// hasEnded looks at a pidfd.
func hasEnded(process int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, 0)
	return n > 0 && err == nil
}

// keyring returns the Secret Service's process id, 0 when none runs.
func (b *Bus) keyring() int {
	var pid uint32
	b.conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, secretService).Store(&pid)
	return int(pid)
}

func (b *Bus) await(what string, done func() bool) {
	b.t.Helper()
	for end := time.Now().Add(startTimeout); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("waited %s for %s", startTimeout, what)
		}
	}
}
