package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
	"golang.org/x/term"
)

// printLog says that there is no record, unless one could still come.
func (a *app) printLog(out io.Writer, records iter.Seq2[audit.Record, error], more bool) error {
	encoder := json.NewEncoder(out)
	header := false // and with it a row
	for r, err := range records {
		if err != nil {
			return err
		}
		if a.json {
			if err := encoder.Encode(r); err != nil {
				return err
			}
			continue
		}
		if !header {
			header = true
			fmt.Fprintf(out, logRow, "TIME", "ID", "DECISION", "WHAT", "KEY", "WHERE", "WHO", "WHY")
		}
		fmt.Fprintf(out, logRow, r.Time.Local().Format(time.DateTime), r.ID, decisionText(out, r.Decision),
			strings.TrimSpace(string(r.Op)+" "+purposeText(r)), keyText(r), destinationText(r, whereWidth), peerText(r), reasonText(r))
	}
	if !header && !a.json && !more {
		fmt.Fprintln(out, "The log has no such record.")
	}
	return nil
}

func reasonText(r audit.Record) string {
	text := platform.Escape(r.Reason, maxCell)
	if r.Repeats > 1 {
		text = fmt.Sprintf("%d times: %s", r.Repeats, text)
	}
	return text
}

// logRow has fixed widths, so that -f can print a row as soon as it is there.
const logRow = "%-19s  %-8s  %-8s  %-20s  %-20s  %-28s  %-32s  %s\n"

// whereWidth is the column WHERE.
const whereWidth = 28

// decisionText is red for what was refused and green for what was allowed, where the
// table goes to a terminal and the person has not set NO_COLOR (no-color.org).
func decisionText(out io.Writer, decision string) string {
	colour := map[string]string{audit.Allowed: "32", audit.Refused: "31"}[decision]
	file, ok := out.(*os.File)
	if colour == "" || !ok || !term.IsTerminal(int(file.Fd())) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return decision
	}
	return fmt.Sprintf("\x1b[%sm%-8s\x1b[0m", colour, decision)
}

func purposeText(r audit.Record) string {
	switch {
	case r.Purpose == nil || r.Purpose.Kind == "":
		return ""
	case r.Purpose.Kind == wire.KindLogin:
		return "login as " + platform.Escape(r.Purpose.User, 16)
	}
	return platform.Escape(r.Purpose.String(), 20)
}

func keyText(r audit.Record) string {
	switch {
	case r.Op == keys.OpList:
		return fmt.Sprintf("%d keys", r.Count)
	case r.Key == nil:
		return "-"
	case r.Key.Name != "":
		return platform.Escape(r.Key.Name, 20)
	case r.Key.Comment != "":
		return platform.Escape(r.Key.Comment, 20)
	}
	return platform.Escape(r.Key.Fingerprint, 20)
}

// destinationText takes no more than room characters, with what is said behind the name.
func destinationText(r audit.Record, room int) string {
	d := r.Destination
	if d == nil {
		return "-"
	}
	text, behind := "-", ""
	if d.Forwarded {
		behind = " (forwarded)"
	}
	switch d.Trust {
	case keys.TrustVerified:
		text = hostText(d.Host)
	case keys.TrustNew:
		text, behind = d.Host.Fingerprint, " (new)"+behind
	case keys.TrustClaimed:
		text, behind = d.Claimed, " (claimed)"+behind
	}
	return platform.Escape(text, room-len(behind)) + behind
}

func hostText(host keys.Host) string {
	if len(host.Names) == 0 {
		return platform.Escape(host.Fingerprint, 28)
	}
	return platform.Escape(host.Names[0], 28)
}

func peerText(r audit.Record) string {
	if r.Peer == nil {
		return "-"
	}
	if r.Peer.Program == "" {
		return platform.Escape("user "+r.Peer.User+", program not known", 32)
	}
	names := append([]string{r.Peer.Program}, r.Peer.Chain...)
	if (platform.Process{Executable: r.Peer.Exe}).Outside() { // its name may be any
		names = []string{r.Peer.Exe}
	}
	if r.Socket != "" { // which says more than the chain
		return platform.Escape(names[0]+", socket "+r.Socket, 32)
	}
	return platform.Escape(strings.Join(names[:min(len(names), maxChain)], " ← "), 32)
}

// maxChain is how many programs of a chain are shown in a table.
const maxChain = 4
