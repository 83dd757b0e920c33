package broker

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// hangs makes the test binary a broker of which a part never ends.
const hangs = "KEYBROKER_TEST_HANGS"

// A part that never ends does not keep the process: it ends within 15 seconds.
func TestPartThatNeverEnds(t *testing.T) {
	if os.Getenv(hangs) != "" {
		b := &Broker{log: slog.New(slog.NewTextHandler(os.Stderr, nil)), sockets: sockets{"agent": endless{}}}
		_ = b.shutdown()
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestPartThatNeverEnds$")
	cmd.Env = append(os.Environ(), hangs+"=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "a part of the broker did not end in time; the process ends without it") {
		t.Errorf("%v: %s", err, out)
	}
}

// endless cannot be closed.
type endless struct{ net.Listener }

func (endless) Close() error { select {} }
