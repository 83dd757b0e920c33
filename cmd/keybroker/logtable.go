package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// printLog prints records. With follow, it prints each as soon as it is written.
func (a *app) printLog(out io.Writer, records iter.Seq2[audit.Record, error], follow bool) error {
	if a.JSON {
		return printJSONLines(out, records)
	}
	w := cli.NewTable(out, a.Wide)
	w.Head("TIME", "ID", "DECISION", "WHAT", "KEY", "WHERE", "WHO", "WHY")
	w.Paint(2, map[string]text.Color{audit.Allowed: text.FgGreen, audit.Refused: text.FgRed})
	rolling := w.Unlimited() || follow
	if rolling {
		w.Roll(logWidths)
	}
	empty := true
	for r, err := range records {
		if err != nil {
			return errors.Join(w.Flush(), err)
		}
		empty = false
		w.Row(r.Time.Local().Format(time.DateTime), r.ID, r.Decision, strings.TrimSpace(string(r.Op)+" "+purposeText(r)),
			keyText(r), whereText(r), peerText(r), reasonText(r))
		if !rolling {
			continue
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	switch {
	case !empty:
		return w.Flush()
	case !follow:
		fmt.Fprintln(out, "The log has no such record.")
	}
	return nil
}

func printJSONLines(out io.Writer, records iter.Seq2[audit.Record, error]) error {
	encoder := json.NewEncoder(out)
	for r, err := range records {
		if err == nil {
			err = encoder.Encode(r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func reasonText(r audit.Record) string {
	text := platform.Escape(r.Reason, audit.MaxReason)
	if r.Repeats > 1 {
		text = fmt.Sprintf("%d times: %s", r.Repeats, text)
	}
	return text
}

// logWidths are the widths of the columns of a log that is written row by row.
var logWidths = []int{len(time.DateTime), 8, 8, 20, 20, 28, 32, 40}

func purposeText(r audit.Record) string {
	switch {
	case r.Step != nil:
		return platform.Escape(r.Step.Kind, maxCell)
	case r.Purpose == nil || r.Purpose.Kind == "":
		return ""
	case r.Purpose.Kind == wire.KindLogin:
		return "login as " + platform.Escape(r.Purpose.User, maxCell)
	}
	return platform.Escape(r.Purpose.String(), maxCell)
}

func keyText(r audit.Record) string {
	switch {
	case r.Op == keys.OpList:
		return keys.Counted(r.Count, "key")
	case r.Key == nil:
		return "-"
	case r.Key.Name != "":
		return platform.Escape(r.Key.Name, maxCell)
	case r.Key.Comment != "":
		return platform.Escape(r.Key.Comment, maxCell)
	}
	return platform.Escape(r.Key.Fingerprint, maxCell)
}

// whereText is where a signature went, or the place that a lifecycle step names: only
// the program that recorded the step says so.
func whereText(r audit.Record) string {
	const claimed = " (claimed)"
	if r.Step != nil && r.Step.Where() != "" {
		return platform.Escape(r.Step.Where(), maxCell-len(claimed)) + claimed
	}
	return destinationText(r, maxCell)
}

// destinationText shortens the name of the host so that the whole text, with the remarks
// behind the name, fits in room characters.
func destinationText(r audit.Record, room int) string {
	d := r.Destination
	if d == nil {
		return "-"
	}
	behind := ""
	if d.Forwarded {
		behind = " (forwarded)"
	}
	switch d.Trust {
	case keys.TrustNew:
		behind = " (new)" + behind
	case keys.TrustClaimed:
		behind = " (claimed)" + behind
	}
	return platform.Escape(cmp.Or(d.Name(), "-"), room-len(behind)) + behind
}

func peerText(r audit.Record) string {
	if r.Peer == nil {
		return "-"
	}
	if r.Peer.Program == "" {
		return platform.Escape("user "+r.Peer.User+", unknown program", maxCell)
	}
	names := append([]string{r.Peer.Program}, r.Peer.Chain...)
	if (platform.Process{Executable: r.Peer.Exe}).Outside() { // such a program can have any name
		names = []string{r.Peer.Exe}
	}
	if r.Socket != "" { // the socket says more than the chain
		return platform.Escape(names[0]+", socket "+r.Socket, maxCell)
	}
	return platform.Escape(strings.Join(names[:min(len(names), maxChain)], " ← "), maxCell)
}

// maxChain is how many programs of a chain a table shows.
const maxChain = 4
