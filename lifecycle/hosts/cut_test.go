//go:build linux

package hosts

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// cutAfterVariable names a directory: the test program then stands between sshd and
// the real sftp-server, and does what the files of the directory say.
const cutAfterVariable = "KEYBROKER_TEST_SFTP"

// sftpServer is where distributions put it.
func sftpServer() string {
	for _, path := range []string{"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server", "/usr/libexec/sftp-server"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// newWatchedServer is a server whose SFTP goes through this program, with umask 002 and,
// for root too, with the permissions of a plain user.
func newWatchedServer(t *testing.T, options ...string) *server {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	if sftpServer() == "" {
		t.Skip("no sftp-server here")
	}
	s := newServer(t, append(options, "Subsystem sftp DIR/sftp.sh")...)
	drop := ""
	if os.Geteuid() == 0 {
		drop = "setpriv --bounding-set=-all --inh-caps=-all "
	}
	must(t, os.WriteFile(s.path("sftp.sh"), fmt.Appendf(nil, "#!/bin/sh\numask 002\nGORACE=atexit_sleep_ms=0 %s=%s exec %s%s\n", cutAfterVariable, s.dir, drop, self), 0o700))
	return s
}

// cutAfter ends the connection when the server has answered n packets.
func (s *server) cutAfter(n int) { s.write("cut", strconv.Itoa(n)) }

// before runs a script each time before a packet that has text in it reaches the server.
func (s *server) before(text, script string) { s.write("before", text+"\n"+script) }

// calm undoes both.
func (s *server) calm() {
	os.Remove(s.path("cut"))
	os.Remove(s.path("before"))
}

// packets is how many the server has had since the last calm connection began.
func (s *server) packets() int {
	text, err := os.ReadFile(s.path("packets"))
	must(s.t, err)
	n, err := strconv.Atoi(string(text))
	must(s.t, err)
	return n
}

// cutSFTP is the program between sshd and sftp-server.
func cutSFTP() int {
	dir := os.Getenv(cutAfterVariable) + "/"
	limit := -1
	if text, err := os.ReadFile(dir + "cut"); err == nil {
		limit, _ = strconv.Atoi(string(text))
	}
	cmd := exec.Command(sftpServer())
	in, err := cmd.StdinPipe()
	if err != nil {
		return 1
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 1
	}
	for n := 0; n != limit; n++ {
		header := make([]byte, 4)
		if _, err := io.ReadFull(os.Stdin, header); err != nil {
			break
		}
		body := make([]byte, binary.BigEndian.Uint32(header))
		if _, err := io.ReadFull(os.Stdin, body); err != nil {
			break
		}
		if text, err := os.ReadFile(dir + "before"); err == nil {
			needle, script, _ := strings.Cut(string(text), "\n")
			if strings.Contains(string(body), needle) {
				_ = exec.Command("sh", "-c", script).Run()
			}
		}
		if _, err := in.Write(append(header, body...)); err != nil {
			break
		}
		_ = os.WriteFile(dir+"packets", []byte(strconv.Itoa(n+1)), 0o600)
	}
	in.Close()
	_ = cmd.Wait()
	return 0
}
