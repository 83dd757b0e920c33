//go:build unix

package broker

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/platform"
)

// A broker that was started before an upgrade does not know a request, or answers in
// another form.
func TestUnclearAnswersNameTheOtherVersion(t *testing.T) {
	c := &config.Config{Paths: platform.Paths{ControlSocket: filepath.Join(t.TempDir(), "control.sock")}}
	listener, err := net.Listen("unix", c.Paths.ControlSocket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(control.Status{Version: "1.0", PID: 4711})
	})
	mux.HandleFunc("GET /v1/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"a":1}`)) })
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })

	for own, named := range map[string]bool{"1.1": true, "1.0": false} {
		client := ClientOf(c, own)
		_, keysErr := client.Keys(t.Context())
		for what, err := range map[string]error{"unknown request": client.Pause(t.Context()), "other answer": keysErr} {
			const want = "the broker is version 1.0, this command 1.1; restart it after an upgrade"
			if err == nil || strings.Contains(err.Error(), want) != named || strings.Contains(platform.Text(err), StartAgain(4711)) != named {
				t.Errorf("%s by %s: %v", what, own, err)
			}
		}
	}
}

// A broker that was killed leaves its lock for a moment to a program that it was just
// starting.
func TestLockOfAKilledBroker(t *testing.T) {
	c := &config.Config{Paths: platform.Paths{StateDir: t.TempDir()}}
	held := holdLock(t, c, endedProcess(t))
	err := mayStart(c, "1.0")
	if err == nil || !strings.Contains(platform.Text(err), "has ended\nfind that program and end it: fuser -v "+audit.LockPath(c.AuditDir())) {
		t.Errorf("while it is held: %v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { held.Close() })
	if err := mayStart(c, "1.0"); err != nil {
		t.Errorf("it is released a little later: %v", err)
	}
}

func TestLockOfARunningBroker(t *testing.T) {
	c := &config.Config{Paths: platform.Paths{StateDir: t.TempDir()}}
	defer holdLock(t, c, os.Getpid()).Close()
	if err := mayStart(c, "1.0"); err == nil || !strings.Contains(err.Error(), "the broker runs already, as process "+strconv.Itoa(os.Getpid())) {
		t.Error(err)
	}
}

// holdLock locks the audit log as the process pid would.
func holdLock(t *testing.T, c *config.Config, pid int) *os.File {
	path := audit.LockPath(c.AuditDir())
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, []byte(strconv.Itoa(pid)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err == nil {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func endedProcess(t *testing.T) int {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}
