package doctor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// sshLimit bounds one run of ssh -G: it runs the commands of "Match exec", and may look a name up.
const sshLimit = 3 * time.Second

// noHost stands for any host: no configuration names it (RFC 2606).
const noHost = "any.invalid"

// sshConfig is what ssh would do for one host, as `ssh -G` prints it: settings in small letters, each
// with its values.
type sshConfig map[string][]string

// effective runs ssh -G, which connects to nothing.
func (p *Patient) effective(ctx context.Context, host string) (sshConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, sshLimit)
	defer cancel()
	args := []string{"-G"}
	if p.SSHConfig != "" {
		args = append(args, "-F", p.SSHConfig)
	}
	cmd := platform.Command(ctx, "ssh", append(args, "--", host)...)
	platform.EndsWhole(cmd)
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, problem.With(errNoSSH, "install it: "+platform.InstallSSH)
	case ctx.Err() != nil:
		return nil, problem.New("ssh -G does not end within "+sshLimit.String(), `look for "Match exec" in ssh's configuration: its command hangs`)
	case errors.As(err, &exit):
		return nil, problem.New("ssh cannot read its configuration: "+platform.Escape(lastLine(exit.Stderr), 2*maxText), "ssh -G "+noHost+" shows the line")
	case err != nil:
		return nil, err
	}
	return parseEffective(string(out)), nil
}

func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

func parseEffective(text string) sshConfig {
	c := sshConfig{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			c[name] = append(c[name], value)
		}
	}
	return c
}

// get is the only, or first, value of a setting.
func (c sshConfig) get(name string) string {
	if values := c[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// on reports whether a setting is neither "no" nor absent.
func (c sshConfig) on(name string) bool {
	value := c.get(name)
	return value != "" && value != "no" && value != "false" && value != "none"
}

// target is the account and host for a person.
func (c sshConfig) target() string {
	return platform.Escape(c.get("user")+"@"+c.get("hostname"), maxText)
}

// tilde expands a leading ~ as ssh does.
func tilde(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}
