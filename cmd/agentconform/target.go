package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/conformance"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// errNoAgent means that nobody answers at the address.
var errNoAgent = errors.New("no agent answers")

// target is the agent that is tried.
type target interface {
	conformance.Agent
	Close()
}

// agent is the one that the command line names.
func (o *options) agent(ctx context.Context, args []string) (target, error) {
	address := ""
	if len(args) > 0 {
		address = args[0]
	}
	socket, err := socketOf(address)
	switch {
	case err != nil:
		return nil, cli.Usage(err)
	case o.start != "":
		return startAgent(ctx, o.start, socket)
	case socket == "":
		if socket = os.Getenv("SSH_AUTH_SOCK"); socket == "" {
			return nil, problem.With(fmt.Errorf("%w: SSH_AUTH_SOCK is not set", errNoAgent), "name an agent (unix:PATH or pipe:NAME), or start one: --start")
		}
	}
	agent := running(socket)
	conn, err := agent.Dial(ctx)
	if err != nil {
		return nil, problem.With(fmt.Errorf("%w: %w", errNoAgent, err), "start one: agentconform --start COMMAND")
	}
	return agent, conn.Close()
}

// pipePrefix begins the path of a named pipe.
const pipePrefix = `\\.\pipe\`

// socketOf reads an address.
func socketOf(address string) (string, error) {
	kind, rest, _ := strings.Cut(address, ":")
	switch {
	case address == "":
		return "", nil
	case kind == "unix" && rest != "":
		return rest, nil
	case kind == "pipe" && rest != "" && runtime.GOOS == "windows":
		return pipePrefix + strings.TrimPrefix(rest, pipePrefix), nil
	case kind == "pipe" && rest != "":
		return "", problem.New("named pipes are on Windows only", "use unix:PATH")
	}
	return "", problem.New(fmt.Sprintf("%q is no address of an agent", platform.Escape(address, 100)), "use unix:PATH or pipe:NAME")
}

// running is the socket of an agent that somebody else started.
type running string

func (r running) Dial(ctx context.Context) (net.Conn, error) { return platform.Dial(ctx, string(r)) }

// Disposable implements conformance.Agent.
func (running) Disposable() bool { return false }

// Fresh implements conformance.Agent.
func (running) Fresh(context.Context) error {
	return errors.New("it is not ours")
}

// Confirm implements conformance.Agent: a person would have to.
func (running) Confirm(bool) bool { return false }

func (running) Close() {}
