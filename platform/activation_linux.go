package platform

import (
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/unix"
)

// activated follows sd_listen_fds(3). The library checks LISTEN_PID and always unsets
// the variables.
func activated() (map[string]net.Listener, error) {
	files := activation.Files(true)
	listeners := make(map[string]net.Listener, len(files))
	var err error
	for _, f := range files {
		if err == nil {
			err = adopt(listeners, f)
		}
		f.Close() // net.FileListener made its own descriptor
	}
	if err != nil {
		for _, l := range listeners {
			l.Close()
		}
		return nil, fmt.Errorf("socket activation: %w", err)
	}
	return listeners, nil
}

func adopt(listeners map[string]net.Listener, f *os.File) error {
	name := f.Name()
	if name != AgentSocketName && name != ControlSocketName {
		return problem.With(fmt.Errorf("a socket is named %q", name), "set FileDescriptorName=%s or %s in its unit", AgentSocketName, ControlSocketName)
	}
	if listeners[name] != nil {
		return problem.With(fmt.Errorf("two sockets are named %q", name), "keep one ListenStream= in the unit")
	}
	if !isUnixListener(int(f.Fd())) {
		return problem.With(fmt.Errorf("%q is not a listening Unix stream socket", name), "set ListenStream= to a path in its unit")
	}
	l, err := net.FileListener(f)
	if err != nil {
		return err
	}
	listeners[name] = l
	return nil
}

func isUnixListener(fd int) bool {
	has := func(option, want int) bool {
		got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
		return err == nil && got == want
	}
	return has(unix.SO_DOMAIN, unix.AF_UNIX) && has(unix.SO_TYPE, unix.SOCK_STREAM) && has(unix.SO_ACCEPTCONN, 1)
}
