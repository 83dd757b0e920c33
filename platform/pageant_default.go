//go:build !windows

package platform

import (
	"errors"
	"net"
)

func listenPageant() ([]net.Listener, error) { return nil, errors.ErrUnsupported }

func listenCygwin(string) (net.Listener, error) { return nil, errors.ErrUnsupported }
