package broker

import (
	"errors"
	"fmt"

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

// NotRunning adds the next step to the error of a broker that does not answer.
func NotRunning(err error) error {
	if errors.Is(err, control.ErrNotRunning) {
		return problem.WithDefault(err, "start it: keybroker daemon")
	}
	return err
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

// mayStart refuses a second broker, and names the first one.
func mayStart(c *config.Config) error {
	if pid, held := audit.Holder(c.AuditDir()); held {
		return problem.With(fmt.Errorf("the broker runs already, as process %d", pid), "see: keybroker status; to restart it: %s", StartAgain(pid))
	}
	return nil
}
