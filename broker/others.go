package broker

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// others are the listeners for programs that do not know the agent's own socket: on
// Windows those of Pageant and of Cygwin. One that cannot be had is a problem that the
// status shows: the agent's own socket works without it.
type others struct {
	listeners []net.Listener
	faults    []error
	config    string // the file that names Pageant's pipe; "": none
}

func listenForOthers(c config.Windows) *others {
	o := &others{}
	if c.Pageant {
		listeners, err := platform.ListenPageant()
		if o.add(err, listeners...) && c.OpenSSHConfig != "" {
			o.config = c.OpenSSHConfig
			o.add(o.name(listeners[0].Addr()))
		}
	}
	if c.CygwinSocket != "" {
		listener, err := platform.ListenCygwin(c.CygwinSocket)
		o.add(err, listener)
	}
	return o
}

// add reports whether there are listeners.
func (o *others) add(err error, listeners ...net.Listener) bool {
	switch {
	case errors.Is(err, errors.ErrUnsupported): // another system than Windows
		return false
	case err != nil:
		o.faults = append(o.faults, err)
		return false
	}
	o.listeners = append(o.listeners, listeners...)
	return true
}

// name writes the file for ssh_config's Include.
func (o *others) name(pipe net.Addr) error {
	if err := os.WriteFile(o.config, fmt.Appendf(nil, "IdentityAgent %s\n", pipe), 0o600); err != nil {
		return problem.With(fmt.Errorf("the file that names Pageant's pipe cannot be written: %w", err), "change openssh_config in [windows]")
	}
	return nil
}

// serve serves them, and sends the result of each to failed.
func (o *others) serve(serve func(net.Listener) error, failed chan<- error) {
	for _, listener := range o.listeners {
		go func() {
			if err := serve(listener); err != nil {
				failed <- err
			}
		}()
	}
}

// shown lists them for the status.
func (o *others) shown() (list []control.Socket) {
	for _, listener := range o.listeners {
		name := "Pageant"
		if listener.Addr().Network() == "cygwin" {
			name = "Cygwin"
		}
		list = append(list, control.Socket{Name: name, Path: listener.Addr().String(), Keys: "all keys"})
	}
	return list
}

// close also empties the file: it names a pipe that another program may make next.
func (o *others) close() {
	if o == nil {
		return
	}
	for _, listener := range o.listeners {
		_ = listener.Close()
	}
	if o.config != "" {
		_ = os.WriteFile(o.config, nil, 0o600)
	}
}
