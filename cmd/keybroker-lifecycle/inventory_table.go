package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/inventory"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

const (
	// mostShown bounds the findings and the unseen in the table; --all shows all.
	mostShown = 20
	// maxShown bounds a text of a finding.
	maxShown = 400
)

// show prints the inventory in the form that the flags ask for.
func (t *taking) show(cmd *cobra.Command, a *app, result *taken) error {
	switch {
	case t.csv:
		return inventory.WriteCSV(cmd.OutOrStdout(), &result.Inventory)
	case a.JSON:
		return cli.WriteJSON(cmd.OutOrStdout(), result)
	}
	w := cli.NewTable(cmd.OutOrStdout(), a.Wide)
	if t.quiet {
		t.findings(w, result, t.counting(result.Findings))
		return w.Flush()
	}
	t.keys(w, result)
	t.findings(w, result, t.important(result.Findings))
	t.gone(w, result.Difference)
	t.unseen(w, result.Unseen)
	if err := w.Flush(); err != nil {
		return err
	}
	return t.summary(cmd.OutOrStdout(), result)
}

func (t *taking) keys(w *cli.Table, result *taken) {
	w.Head("KEY", "OPENS", "LAST USED", "FINDINGS")
	for _, row := range inventory.Rows(&result.Inventory) {
		w.Row(row.Key, row.Opens, row.LastUsed, row.Findings)
	}
}

// important leaves out remarks, unless all are asked for.
func (t *taking) important(findings []lifecycle.Finding) []lifecycle.Finding {
	var list []lifecycle.Finding
	for _, f := range findings {
		if t.all || f.Severity > lifecycle.Info {
			list = append(list, f)
		}
	}
	return list
}

func (t *taking) findings(w *cli.Table, result *taken, findings []lifecycle.Finding) {
	if len(findings) == 0 {
		return
	}
	names := map[string]string{}
	for _, key := range result.Keys {
		names[key.Fingerprint] = inventory.Name(key)
	}
	w.Head("SEVERITY", "ROW", "KEY", "WHERE", "WHAT")
	for i, f := range findings {
		if i == mostShown && !t.all {
			w.Line(fmt.Sprintf("and %d more: --all, --json, or keybroker report --html", len(findings)-i))
			break
		}
		w.Row(f.Severity.String(), fmt.Sprint(f.Row), names[f.Fingerprint], shortHome(inventory.Where(f)), platform.Escape(f.What, maxShown))
		if f.Remedy != "" {
			w.Below("→ " + platform.Escape(f.Remedy, maxShown))
		}
	}
}

// shortHome writes the user's own directory as "~".
func shortHome(path string) string {
	home, err := os.UserHomeDir()
	if rest, found := strings.CutPrefix(path, home+"/"); err == nil && found {
		return "~/" + rest
	}
	return path
}

// gone shows what an earlier inventory had. What appeared is among the findings.
func (t *taking) gone(w *cli.Table, difference *inventory.Difference) {
	if difference == nil || difference.Gone.Empty() {
		return
	}
	w.Head("GONE", "KEY")
	for _, place := range difference.Gone.Places {
		w.Row(inventory.Where(lifecycle.Finding{Host: place.Host, Account: place.Account, Path: place.File}), strings.TrimSpace(place.Fingerprint+" "+platform.Escape(place.Comment, maxShown)))
	}
	for _, file := range difference.Gone.Copies {
		w.Row(inventory.Where(lifecycle.Finding{Host: file.Host, Path: file.Path}), file.Fingerprint)
	}
}

func (t *taking) unseen(w *cli.Table, unseen []lifecycle.Unseen) {
	if len(unseen) == 0 {
		return
	}
	w.Head("NOT SEEN", "WHAT", "WHY")
	for i, u := range unseen {
		if i == mostShown && !t.all {
			w.Line(fmt.Sprintf("and %d more: --all or --json", len(unseen)-i))
			break
		}
		where := u.Host.String()
		if u.Account != "" {
			where = u.Account + "@" + where
		}
		w.Row(platform.Escape(where, maxShown), platform.Escape(u.What, maxShown), platform.Escape(u.Why, maxShown))
		if u.Remedy != "" {
			w.Below("→ " + platform.Escape(u.Remedy, maxShown))
		}
	}
}

// summary is the last line.
func (t *taking) summary(out io.Writer, result *taken) error {
	count := map[lifecycle.Severity]int{}
	for _, f := range result.Findings {
		count[f.Severity]++
	}
	parts := []string{keys.Counted(len(inventory.Rows(&result.Inventory)), "key")}
	if n := len(result.Hosts); n > 0 || inventory.NotReached(&result.Inventory) > 0 {
		parts = append(parts, keys.Counted(n, "host")+" read")
	}
	if n := inventory.NotReached(&result.Inventory); n > 0 {
		parts = append(parts, fmt.Sprintf("%d not", n))
	}
	parts = append(parts, fmt.Sprintf("%d serious", count[lifecycle.Serious]), keys.Counted(count[lifecycle.Warning], "warning"), keys.Counted(count[lifecycle.Info], "remark"))
	_, err := fmt.Fprintf(out, "\n%s\n", strings.Join(parts, ", "))
	return err
}
