package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/keybroker/keybroker/agent"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// sockets are the listening sockets by name: "agent", "control" and the names of
// [[socket]].
type sockets map[string]net.Listener

// listen takes the sockets that a service manager passes and makes the others.
func listen(c *config.Config) (sockets, error) {
	paths := map[string]string{"agent": c.Paths.AgentSocket, "control": c.Paths.ControlSocket}
	for _, s := range c.Sockets {
		var err error
		if paths[s.Name], err = c.SocketPath(s); err != nil {
			return nil, config.Invalid(fmt.Errorf("socket %q: %w", s.Name, err))
		}
	}
	passed, err := platform.Activated()
	if err != nil {
		return nil, err
	}
	all := sockets{}
	maps.Copy(all, passed)
	for name, path := range paths {
		if all[name] != nil {
			continue
		}
		if all[name], err = platform.Listen(path); err != nil {
			err = cannotListen(path, err)
			all.turnAway(err)
			all.close()
			return nil, err
		}
	}
	return all, nil
}

// cannotListen explains the error if systemd listens at path.
func cannotListen(path string, err error) error {
	if errors.Is(err, platform.ErrInUse) && systemdStarts(path) {
		return problem.With(fmt.Errorf("systemd listens at %s and starts the broker itself", path), "have it do that: %s; to run the broker here: %s", startUnit, stopUnits)
	}
	return err
}

// TurnAway ends the connections that wait at the sockets of a service manager, if New
// has not taken these. A program that could not become the broker calls it, with the reason.
func TurnAway(reason error) {
	if passed, err := platform.Activated(); err == nil {
		sockets(passed).turnAway(reason)
	}
}

// turnAwayTime is how long turnAway waits, for clients and for their requests. systemd gives up a socket for which it starts
// a service more than 20 times in two seconds (TriggerLimitBurst=, systemd.socket(5)).
const turnAwayTime = 150 * time.Millisecond

// turnAway ends the connections that wait at the sockets. A service manager's sockets
// outlast this process, so it would start the next one for the same clients.
func (s sockets) turnAway(reason error) {
	var ends sync.WaitGroup
	for name, listener := range s {
		answer := func(conn net.Conn) { agent.TurnAway(conn) } // the agent's protocol has no reasons
		if name == platform.ControlSocketName {
			answer = func(conn net.Conn) { control.TurnAway(conn, reason) }
		}
		passed, ok := listener.(*net.UnixListener)
		if ok && passed.SetDeadline(time.Now().Add(turnAwayTime)) == nil {
			ends.Go(func() { answerWaiting(passed, answer, &ends) })
		}
	}
	ends.Wait()
}

func answerWaiting(listener net.Listener, answer func(net.Conn), ends *sync.WaitGroup) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		ends.Go(func() {
			defer conn.Close()
			if conn.SetDeadline(time.Now().Add(turnAwayTime)) == nil {
				answer(conn)
			}
		})
	}
}

func (s sockets) close() {
	for _, listener := range s {
		if listener != nil {
			_ = listener.Close()
		}
	}
}

// serve serves all sockets. Each sends the result of its server to the returned channel.
func (s sockets) serve(server *agent.Server, control *control.Server, configured []config.Socket) chan error {
	failed := make(chan error, len(s))
	go func() { failed <- server.Serve(s["agent"]) }()
	go func() { failed <- control.Serve(s["control"]) }()
	for _, one := range configured {
		go func() { failed <- server.ServeSocket(one.Name, s[one.Name]) }()
	}
	return failed
}

// addresses are the paths of the sockets.
func (s sockets) addresses() (list []string) {
	for _, listener := range s {
		list = append(list, listener.Addr().String())
	}
	return list
}

// lost lists the sockets that were removed and are not back yet. The broker does not
// recreate a socket that systemd made.
func (s sockets) lost() (list []error) {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		at := s[name].Addr()
		if at.Network() != "unix" {
			continue
		}
		if _, err := os.Lstat(at.String()); errors.Is(err, fs.ErrNotExist) {
			list = append(list, problem.With(fmt.Errorf("the socket %s was removed", at), "the broker recreates it within seconds; if systemd made it: systemctl --user restart keybroker.socket"))
		}
	}
	return list
}

// shown lists the sockets of [[socket]] for the status.
func (s sockets) shown(configured []config.Socket) (list []control.Socket) {
	for _, one := range configured {
		view := one.View()
		keys := "all keys"
		if view.Keys != nil {
			keys = "keys " + strings.Join(view.Keys, ", ")
		}
		list = append(list, control.Socket{Name: one.Name, Path: s[one.Name].Addr().String(), Keys: keys, ReadOnly: view.ReadOnly})
	}
	return list
}
