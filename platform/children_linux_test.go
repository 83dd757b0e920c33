package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"

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
	if err := errors.Join(unix.Dup3(fd, 0, 0), unix.Dup3(fd, 1, 0)); err != nil {
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
