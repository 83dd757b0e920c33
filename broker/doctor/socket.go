package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// dialLimit bounds a connection to a socket: one that is full of waiting clients answers no more.
const dialLimit = 2 * time.Second

const sockVariable = "SSH_AUTH_SOCK"

// checkEnvironment says which agent ssh asks in this shell.
func (p *Patient) checkEnvironment() []Check {
	socket := os.Getenv(sockVariable)
	if socket == "" {
		if runtime.GOOS == "windows" {
			return []Check{fine(sockVariable, "not set in this shell; Windows' own ssh asks the broker without it")}
		}
		return []Check{noted(sockVariable, "not set in this shell, so ssh will not ask the broker", envHint())}
	}
	return []Check{p.checkSocket(sockVariable, socket)}
}

func envHint() string {
	if runtime.GOOS == "windows" {
		return "keybroker env | Invoke-Expression"
	}
	return `eval "$(keybroker env)"`
}

// checkSocket says who serves the socket that ssh would ask.
func (p *Patient) checkSocket(name, socket string) Check {
	shown := platform.Escape(socket, maxText)
	if socket == p.Config.Paths.AgentSocket {
		return fine(name, socket)
	}
	for _, s := range p.Config.Sockets {
		if path, err := p.Config.SocketPath(s); err == nil && path == socket {
			return fine(name, fmt.Sprintf("%s, the broker's socket %q", shown, s.Name))
		}
	}
	conn, err := dial(socket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return broken(name, "there is nothing at "+shown+": the agent that made it has ended", envHint())
	case errors.Is(err, syscall.ECONNREFUSED):
		return broken(name, "a dead socket: nobody listens at "+shown, envHint()).with(deadSocketFix(socket))
	case err != nil:
		return broken(name, platform.Plain(err), envHint())
	}
	defer conn.Close()
	list, sure := platform.Holders(conn, socket)
	return otherAgent(name, shown, agentsAmong(list, socket, sure), sure)
}

// agentsAmong are all if it is sure who serves the socket. Of processes that hide their files it
// leaves the known agents, and of those, where some fit, the ones whose usual path the socket has.
func agentsAmong(list []platform.Process, socket string, sure bool) (agents []platform.Process) {
	if sure {
		return list
	}
	var usual []platform.Process
	for _, process := range list {
		i := agentOf(process)
		if i < 0 || known[i].name == "keybroker" && !isDropIn(process) { // the broker's sockets are known
			continue
		}
		agents = append(agents, process)
		if known[i].path != "" && strings.Contains(socket, known[i].path) {
			usual = append(usual, process)
		}
	}
	if len(usual) > 0 {
		return usual
	}
	return agents
}

func otherAgent(name, socket string, list []platform.Process, sure bool) Check {
	if len(list) == 0 {
		return noted(name, "another agent's: "+socket+", of a program that cannot be told", envHint())
	}
	var names []string
	for _, process := range list {
		names = append(names, described(process))
	}
	who, served := strings.Join(names, ", or "), "served by"
	if !sure {
		served = "probably served by"
	}
	remedy := envHint()
	switch i := agentOf(list[0]); {
	case i >= 0 && known[i].name == "sshd":
		return noted(name, fmt.Sprintf("%s is the agent of the machine that you came from, forwarded by %s", socket, who),
			"for the keys of this machine: "+remedy)
	case i >= 0 && known[i].name == "systemd":
		who = "a unit of systemd, started by the first request"
		remedy += "; which unit: systemctl --user list-sockets"
	case remedyOf(list[0]) != "":
		remedy += "; from the next login on: keybroker service install --take-over; or only so that it does not come back: " + remedyOf(list[0])
	}
	return noted(name, fmt.Sprintf("another agent's: %s, %s %s", socket, served, who), remedy)
}

func isDead(socket string) bool {
	conn, err := dial(socket)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func dial(socket string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialLimit)
	defer cancel()
	return platform.Dial(ctx, socket)
}
