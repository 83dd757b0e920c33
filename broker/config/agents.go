package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/agent/policy"
	"github.com/keybroker/keybroker/problem"
)

// Upstream is one [[upstream]] table: another agent whose keys are listed too.
type Upstream struct {
	Name string `toml:"name"`
	Path string `toml:"path"` // of its socket; environment variables are the daemon's
	Add  bool   `toml:"add"`  // takes the keys of ssh-add
}

// Socket is one [[socket]] table: a separate socket with a view of the keys.
type Socket struct {
	Name     string        `toml:"name"`
	Path     string        `toml:"path"` // "": NAME.sock beside the agent's
	Keys     []string      `toml:"keys"`
	Hosts    []string      `toml:"hosts"`
	ReadOnly *bool         `toml:"read_only"` // nil: true
	Action   policy.Action `toml:"action"`
}

// View is the part of the keys and hosts that the socket shows, for the rules.
func (s Socket) View() policy.View {
	return policy.View{Name: s.Name, Keys: s.Keys, Hosts: s.Hosts, Action: s.Action, ReadOnly: s.ReadOnly == nil || *s.ReadOnly}
}

// reservedNames are the names of the broker's own sockets.
var reservedNames = []string{"agent", "control"}

// Expand replaces environment variables, "$NAME" or "${NAME}". A variable that is not
// set is an error: the rest of the path could be another socket.
func Expand(path string) (string, error) {
	var missing []string
	full := os.Expand(path, func(name string) string {
		value := os.Getenv(name)
		if value == "" {
			missing = append(missing, "$"+name)
		}
		return value
	})
	switch {
	case len(missing) > 0:
		return "", problem.With(fmt.Errorf("%s is not set where the daemon was started", strings.Join(missing, ", ")), "set it there, or write the path itself")
	case !filepath.IsAbs(full):
		return "", problem.With(fmt.Errorf("%.256q is not an absolute path", full), "give the absolute path of the socket")
	}
	return full, nil
}

// SocketPath is the path of the separate socket s.
func (c *Config) SocketPath(s Socket) (string, error) {
	if s.Path == "" {
		return c.Paths.Socket(s.Name), nil
	}
	return Expand(s.Path)
}

func (c *Config) views() []policy.View {
	var list []policy.View
	for _, s := range c.Sockets {
		list = append(list, s.View())
	}
	return list
}

// checkAgents finds the faults of [[upstream]], [[socket]] and the rules that name one.
func (c *Config) checkAgents(file string, data []byte) error {
	var all []error
	fault := func(path, format string, args ...any) {
		all = append(all, errorAt(file, data, path, fmt.Errorf(format, args...)))
	}
	names, adds := map[string]bool{}, 0
	for i, u := range c.Upstreams {
		at := fmt.Sprintf("upstream[%d]", i)
		named := policy.View{Name: u.Name}
		if err := named.Validate(); err != nil {
			fault(at+".name", "%w", err)
		}
		if names[u.Name] {
			fault(at+".name", "two upstreams are called %q", u.Name)
		}
		if names[u.Name] = true; u.Path == "" {
			fault(at+".path", `path is missing: name the other agent's socket, or "$SSH_AUTH_SOCK"`)
		}
		if u.Add {
			adds++
		}
		if adds > 1 {
			fault(at+".add", "only one agent can take the keys of ssh-add")
		}
	}
	return errors.Join(append(all, c.checkSockets(file, data))...)
}

func (c *Config) checkSockets(file string, data []byte) error {
	var all []error
	fault := func(path string, err error) { all = append(all, errorAt(file, data, path, err)) }
	names := map[string]bool{}
	for _, name := range reservedNames {
		names[name] = true
	}
	for i, s := range c.Sockets {
		at := fmt.Sprintf("socket[%d]", i)
		view := s.View()
		for _, err := range unjoin(view.Validate()) {
			fault(at+fieldOf(err), err)
		}
		if names[s.Name] {
			fault(at+".name", fmt.Errorf("the name %q is taken", s.Name))
		}
		names[s.Name] = true
	}
	for i, r := range c.Rules {
		if r.Socket != "" && !strings.ContainsAny(r.Socket, "*?") && (!names[r.Socket] || isReserved(r.Socket)) {
			fault(fmt.Sprintf("rule[%d].socket", i), fmt.Errorf("no [[socket]] has the name %q", r.Socket))
		}
	}
	return errors.Join(all...)
}

func isReserved(name string) bool { return name == reservedNames[0] || name == reservedNames[1] }
