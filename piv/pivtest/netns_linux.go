package pivtest

import (
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// dialer connects to a port in the network of the pcscd of the moment.
func (r *Rig) dialer(port int) func() (net.Conn, error) {
	return func() (net.Conn, error) {
		d := r.current()
		if d == nil {
			return nil, errDown
		}
		return dialIn(fmt.Sprintf("/proc/%d/ns/net", d.cmd.Process.Pid), port)
	}
}

// dialIn connects to a port of loopback in another network namespace. It does
// so on a thread that then ends, since that is in the other namespace too.
func dialIn(namespace string, port int) (net.Conn, error) {
	type dialed struct {
		conn net.Conn
		err  error
	}
	result := make(chan dialed, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked
		if err := enter(namespace); err != nil {
			result <- dialed{err: err}
			return
		}
		conn, err := net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		result <- dialed{conn, err}
	}()
	d := <-result
	return d.conn, d.err
}

func enter(namespace string) error {
	f, err := os.Open(namespace)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}
