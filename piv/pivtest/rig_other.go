//go:build !linux

package pivtest

import (
	"errors"
	"net"
	"os"
)

type daemon struct{}

func (r *Rig) dialer(int) func() (net.Conn, error) {
	return func() (net.Conn, error) { return nil, errors.ErrUnsupported }
}

// Start always fails here: vpcd's namespaces are Linux's.
func (r *Rig) Start() error { return errors.New("pivtest: the rig needs Linux") }

// Stop has nothing to stop.
func (r *Rig) Stop(os.Signal) error { return nil }

// PID is 0.
func (r *Rig) PID() int { return 0 }

// Log is empty.
func (r *Rig) Log() string { return "" }

// Missing says that the rig needs Linux.
func Missing() error { return errors.New("pivtest: the rig needs Linux") }
