package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// nobody is a user without any way round the kernel's checks.
const nobody = 65534

// As the same user nothing reads the memory of a command that waits for a
// passphrase. It can read that of a program that does not see to it.
func TestCommandsHideTheirMemory(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to act as another user")
	}
	dir, err := os.MkdirTemp("/tmp", "keybroker-harden")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	key := filepath.Join(dir, "id")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	config := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(config, []byte("[softkeys]\nseal = \"passphrase\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, key, config} {
		if err := os.Chown(path, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	asNobody := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Setsid: true}
		cmd.Dir = "/"
		return cmd
	}
	startBroker(t, asNobody(keybrokerAs(t, "--config", config, "daemon")), dir) // lock and unlock look for it first
	for _, command := range []string{"keys import " + key, "keys generate new", "lock", "unlock", ""} {
		hidden := command != ""
		if command == "unlock" { // it asks for nothing while nothing is locked
			lock := asNobody(keybrokerAs(t, "--config", config, "lock"))
			lock.Stdin = strings.NewReader("secret\nsecret\n")
			if out, err := lock.CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
		}
		cmd := exec.Command("/bin/sh", "-c", "echo Passphrase >&2; sleep 100")
		if hidden {
			cmd = keybrokerAs(t, append([]string{"--config", config}, strings.Fields(command)...)...)
		}
		cmd = asNobody(cmd)
		cmd.Stdin = terminalOf(t)
		said := untilPrompt(t, cmd)
		reader := exec.Command("/usr/bin/head", "-c", "0", fmt.Sprintf("/proc/%d/mem", cmd.Process.Pid))
		reader.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := reader.CombinedOutput()
		if (err != nil) != hidden || hidden && !strings.Contains(string(out), "Permission denied") {
			t.Errorf("%q, which said %q: %v %s", command, said, err, out)
		}
	}
}

// startBroker starts a broker, waits until it listens, and ends it with the test.
func startBroker(t *testing.T, cmd *exec.Cmd, runtimeDir string) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for {
		if conn, err := net.Dial("unix", filepath.Join(runtimeDir, "keybroker", "control.sock")); err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the broker ended: %v\n%s", err, &said)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// keybrokerAs is this program as keybroker, for a user who cannot reach its file.
func keybrokerAs(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { self.Close() })
	cmd := exec.Command("/proc/self/fd/3", args...)
	cmd.Args[0] = "keybroker"
	cmd.ExtraFiles = []*os.File{self}
	return cmd
}

// terminalOf is one that nobody types on.
func terminalOf(t *testing.T) *os.File {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return tty
}

// untilPrompt starts cmd and returns when it asks for a passphrase.
func untilPrompt(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); cmd.Wait() })
	said, in := "", bufio.NewReader(stderr)
	for !strings.Contains(strings.ToLower(said), "passphrase") {
		b, err := in.ReadByte()
		if err != nil {
			t.Fatalf("%v asked for nothing: %s", cmd.Args, said)
		}
		said += string(b)
	}
	return said
}
