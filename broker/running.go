package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/agent/control"
	"github.com/keybroker/keybroker/broker/config"
	"github.com/keybroker/keybroker/problem"
)

// absence is the reason why no broker answers. It counts as ErrNotRunning, so that the
// exit code is the same.
type absence struct{ what string }

func (a absence) Error() string { return a.what }

func (a absence) Unwrap() error { return control.ErrNotRunning }

// Absent is the error of a broker that does not answer for a known reason.
func Absent(what, remedy string) error { return problem.With(absence{what}, "%s", remedy) }

// Client is a client of the running broker that explains why none answers.
func Client(c *config.Config) *control.Client {
	client := control.NewClient(c.Paths.ControlSocket)
	client.Absent = func() error { return whyAbsent(c) }
	return client
}

// ClientOf is Client for a program of version own. If it cannot read an answer, the
// error says that the broker is of another version, if it is.
func ClientOf(c *config.Config, own string) *control.Client {
	client := Client(c)
	client.Unclear = func(ctx context.Context, err error) error {
		pid, other := otherVersion(ctx, c, own)
		if other == "" {
			return err
		}
		return problem.With(fmt.Errorf("%w: %s", err, other), "%s", StartAgain(pid))
	}
	return client
}

// versionTime bounds the question for the version, which only adds to an error.
const versionTime = 2 * time.Second

// otherVersion returns OtherVersion and the broker's process if the broker answers and is
// of another version than own; otherwise "".
func otherVersion(ctx context.Context, c *config.Config, own string) (pid int, text string) {
	ctx, cancel := context.WithTimeout(ctx, versionTime)
	defer cancel()
	status, err := control.NewClient(c.Paths.ControlSocket).Status(ctx)
	if err != nil || status.Version == own {
		return 0, ""
	}
	return status.PID, OtherVersion(status.Version, own)
}

// NotRunning adds the next step to the error of a broker that does not answer.
func NotRunning(err error) error {
	if errors.Is(err, control.ErrNotRunning) {
		return problem.WithDefault(err, "start it: keybroker daemon")
	}
	return err
}

// OtherVersionRuns says that the running broker is of another version than own, and what
// to do; "" if it is not, or does not answer.
func OtherVersionRuns(ctx context.Context, c *config.Config, own string) string {
	pid, other := otherVersion(ctx, c, own)
	if other == "" {
		return ""
	}
	return other + ": " + StartAgain(pid)
}

// OtherVersion says that the broker is of another version than the command.
func OtherVersion(running, own string) string {
	return fmt.Sprintf("the broker is version %s, this command %s; restart it after an upgrade", running, own)
}

// whyAbsent finds a broker that runs but cannot be reached because its sockets were
// removed; it recreates them if it can. The audit log's lock names its process, since only
// one broker at a time writes to it.
func whyAbsent(c *config.Config) error {
	if pid, held := audit.Holder(c.AuditDir()); held {
		return Absent(
			fmt.Sprintf("the broker runs, as process %d, but does not answer at %s: was the socket removed?", pid, c.Paths.ControlSocket),
			"the broker recreates it within seconds: try again; if that does not help: "+StartAgain(pid))
	}
	if systemdStarts(c.Paths.AgentSocket) {
		return Absent("the broker is not running; systemd starts it", "start it: "+startUnit)
	}
	return nil
}

// leaveTime is how long the lock of a broker that was killed may outlive it: a program
// that it was just starting shares its files for a moment. A busy machine makes that longer.
const leaveTime = 3 * time.Second

// mayStart refuses a second broker, and names the first one and its version if that is
// not own.
func mayStart(c *config.Config, own string) error {
	pid, held := holder(c.AuditDir())
	if !held {
		return nil
	}
	if hasEnded(pid) {
		return problem.New(fmt.Sprintf("a program that the broker started still holds its audit log; the broker itself, process %d, has ended", pid),
			"find that program and end it: fuser -v "+audit.LockPath(c.AuditDir()))
	}
	err := fmt.Errorf("the broker runs already, as process %d", pid)
	if answers, other := otherVersion(context.Background(), c, own); answers == pid && other != "" {
		err = fmt.Errorf("%w: %s", err, other)
	}
	return problem.With(err, "see: keybroker status; to restart it: %s", StartAgain(pid))
}

// holder is audit.Holder, after leaveTime for one that has ended.
func holder(dir string) (pid int, held bool) {
	for end := time.Now().Add(leaveTime); ; time.Sleep(10 * time.Millisecond) {
		pid, held = audit.Holder(dir)
		if !held || !hasEnded(pid) || time.Now().After(end) {
			return pid, held
		}
	}
}

// hasEnded reports that there is no process of that number.
func hasEnded(pid int) bool {
	process, err := os.FindProcess(pid)
	if err != nil {
		return true
	}
	defer process.Release()
	return errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
