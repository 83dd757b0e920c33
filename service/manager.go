package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// commandTime bounds each command. Starting a socket takes milliseconds.
const commandTime = time.Minute

// Run runs a command of a plan.
func Run(ctx context.Context, c Command) error {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := platform.Command(ctx, c.Args[0], c.Args[1:]...)
	if c.input != nil {
		cmd.Stdin = bytes.NewReader(c.input)
		defer clear(c.input)
	}
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	line := c.line()
	said := strings.TrimSpace(string(out))
	if said == "" {
		said = platform.Text(err)
	}
	return problem.With(fmt.Errorf("%s: %s", line, platform.Escape(said, 400)), "run it yourself: %s", line)
}

// manager is the person's systemd, if one answers.
type manager struct{ flags []string }

// bootedBySystemd reports whether this machine was started by systemd (sd_booted(3)).
func (p Place) bootedBySystemd() bool {
	info, err := os.Lstat(p.Root + "/run/systemd/system")
	return err == nil && info.IsDir()
}

// findManager returns nil where no manager of the user answers: before the first login,
// in a container, after su.
func findManager(ctx context.Context, flags ...string) *manager {
	m := &manager{flags}
	if _, err := m.ask(ctx, "show", "--property=Version"); err != nil {
		return nil
	}
	return m
}

func (m *manager) args(args ...string) []string {
	return append(append([]string{"systemctl"}, m.flags...), args...)
}

func (m *manager) command(why string, args ...string) Command {
	return Command{Args: m.args(args...), Why: why}
}

// ask returns what systemctl prints.
func (m *manager) ask(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	all := m.args(args...)
	out, err := platform.Command(ctx, all[0], all[1:]...).Output()
	return strings.TrimSpace(string(out)), err
}

// active reports whether the unit runs or listens.
func (m *manager) active(ctx context.Context, unit string) bool {
	if m == nil {
		return false
	}
	said, _ := m.ask(ctx, "is-active", unit) // its exit code is not 0 for every other state
	return said == "active"
}

// activeOf are those units that run or listen.
func (m *manager) activeOf(ctx context.Context, units ...string) (list []string) {
	for _, unit := range units {
		if m.active(ctx, unit) {
			list = append(list, unit)
		}
	}
	return list
}

// variable is the value that programs started by the manager get.
func (m *manager) variable(ctx context.Context, name string) (string, error) {
	if m == nil {
		return "", errors.New("no manager answers")
	}
	said, err := m.ask(ctx, "show-environment")
	for line := range strings.Lines(said) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), name+"="); found {
			return strings.Trim(strings.TrimPrefix(value, "$"), "'\""), nil // $'a b' has blanks
		}
	}
	return "", err
}

// config is the directory of configurations from which the manager reads units; "": it does not say.
func (m *manager) config(ctx context.Context) string {
	if dir, err := m.variable(ctx, "XDG_CONFIG_HOME"); err != nil || dir != "" {
		return dir
	}
	if home, _ := m.variable(ctx, "HOME"); home != "" {
		return filepath.Join(home, ".config")
	}
	return ""
}
