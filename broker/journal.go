package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// journalctls are the paths of journalctl. PATH is not searched: whoever rewrote the
// log could have put another program there.
var journalctls = []string{"/usr/bin/journalctl", "/bin/journalctl"}

// ReadJournal reads the heads of the audit log that the system's journal keeps.
// journalctl writes them to a socket and this process is hardened: whoever rewrote the
// log could take heads out of a pipe and put others in.
func ReadJournal(ctx context.Context, witness audit.Witness) (audit.Heads, error) {
	if _, err := platform.Harden(); err != nil {
		return audit.Heads{}, err
	}
	for _, path := range journalctls {
		command := platform.Command(ctx, path, "--no-pager", "--quiet", "--output=json", "MESSAGE_ID="+audit.HeadID, "_UID="+witness.UID)
		command.Stderr = os.Stderr
		out, err := platform.StartChild(command)
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return audit.Heads{}, fmt.Errorf("the journal cannot be read: %w", err)
		}
		heads, err := witness.ReadHeads(out)
		_, _ = io.Copy(io.Discard, out)
		_ = out.Close()
		if failed := command.Wait(); failed != nil {
			return heads, problem.With(fmt.Errorf("the journal cannot be read: %w", failed), "see: %s MESSAGE_ID=%s", path, audit.HeadID)
		}
		return heads, err
	}
	return audit.Heads{}, problem.New("there is no journal on this system", "name a file of syslog: keybroker log verify --against-journal=FILE")
}
