package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/platform"
)

// theJournal is what --against-journal says without a file.
const theJournal = "the journal"

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
		return broker.ReadJournal(ctx, witness)
	}
	file, err := os.Open(journal)
	if err != nil {
		return audit.Heads{}, usageError{err}
	}
	defer file.Close()
	return witness.ReadHeads(file)
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
