package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/broker"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/platform"
)

// theJournal is the value of --against-journal without a file.
const theJournal = "the journal"

// headsIn reads the heads of the log from a journal, or none if journal is "".
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
		return audit.Heads{}, cli.Usage(err)
	}
	defer file.Close()
	return witness.ReadHeads(file)
}

func printHeads(w *cli.Table, journal string, heads audit.Heads) {
	if journal == "" {
		return
	}
	if len(heads.Witnessed) == 0 {
		w.Row("heads", "none in "+journal)
	} else {
		w.Row("heads", headsText(heads.Witnessed, journal))
	}
	if heads.LeftOut > 0 {
		w.Row("left out", strconv.Itoa(heads.LeftOut)+" heads of other users or programs")
	}
	if heads.Syslog {
		w.Row("note", "any program can write lines of syslog: a head there that does not fit may be forged")
	}
}

func headsText(heads []audit.Witnessed, journal string) string {
	last := uint64(0)
	for _, head := range heads {
		last = max(last, head.Seq)
	}
	return fmt.Sprintf("%d in %s, the last one of record %d; what was written since is not proved by them", len(heads), journal, last)
}
