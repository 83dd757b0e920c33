package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/platform"
)

// theJournal is what --against-journal says without a file.
const theJournal = "the journal"

// journalctls are where the journal's reader is. PATH is not looked at: whoever
// rewrites the log could have put another one there.
var journalctls = []string{"/usr/bin/journalctl", "/bin/journalctl"}

// headsIn reads the heads of the log that are kept in a journal; "": none.
func (a *app) headsIn(ctx context.Context, journal string) (audit.Heads, error) {
	if journal == "" {
		return audit.Heads{}, nil
	}
	exe, err := os.Executable()
	if err == nil {
		exe, err = filepath.EvalSymlinks(exe)
	}
	if err != nil {
		return audit.Heads{}, err
	}
	witness := audit.Witness{Dir: a.config.AuditDir(), UID: platform.CurrentUser(), Exe: exe}
	if journal == theJournal {
		return readJournal(ctx, witness)
	}
	file, err := os.Open(journal)
	if err != nil {
		return audit.Heads{}, usageError{err}
	}
	defer file.Close()
	return witness.ReadHeads(file)
}

// readJournal reads the heads over a socket, in a closed process from another: who
// rewrote the log could take heads out of a pipe, and put others in.
func readJournal(ctx context.Context, witness audit.Witness) (audit.Heads, error) {
	if err := harden(); err != nil {
		return audit.Heads{}, err
	}
	for _, path := range journalctls {
		command := exec.CommandContext(ctx, path, "--no-pager", "--quiet", "--output=json", "MESSAGE_ID="+audit.HeadID, "_UID="+witness.UID)
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
			return heads, fmt.Errorf("the journal cannot be read: %w\nsee: %s MESSAGE_ID=%s", failed, path, audit.HeadID)
		}
		return heads, err
	}
	return audit.Heads{}, fmt.Errorf("there is no journal on this system\nname a file of syslog: keybroker log verify --against-journal=FILE")
}

func printHeads(w *table, journal string, heads audit.Heads) {
	if journal == "" {
		return
	}
	if len(heads.Witnessed) == 0 {
		w.row("heads", "none in "+journal)
	} else {
		w.row("heads", headsText(heads.Witnessed, journal))
	}
	if heads.LeftOut > 0 {
		w.row("left out", strconv.Itoa(heads.LeftOut)+" heads of another user or program")
	}
	if heads.Syslog {
		w.row("note", "lines of syslog can be written by any program: a head there that does not fit may be false")
	}
}

func headsText(heads []audit.Witnessed, journal string) string {
	last := uint64(0)
	for _, head := range heads {
		last = max(last, head.Seq)
	}
	return fmt.Sprintf("%d in %s, the last one of record %d; what was written since is not proved by them", len(heads), journal, last)
}
