package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/lifecycle/report"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// reportForm is how a report is written. The text is for a terminal.
type reportForm struct {
	html, csv bool
	file      string // --out; "": standard output
	unused    string // --unused; "": an inventory is shown
	list      bool   // the inventories of the store
	chosen
}

// chosen says which inventory is shown, and which earlier one it is compared with.
type chosen struct {
	from    string // a file; "": the store
	at      string // the last one until that day; "": the newest
	since   string // compared with the one before, or the last before a date; "": with none
	compare string // compared with that of a file
}

func newReportCommand(a *app) *cobra.Command {
	var form reportForm
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Show the last inventory: what is used, what is not, and what to do",
		Long: `Show the last inventory that you took on this machine (keybroker inventory), with --at
an earlier one, or with --from one of another machine. --since and --compare show what
appeared and what is gone since another one.

--html writes one page that needs no network: plots, a table with a filter, each
finding with the command that cures it, and what could not be seen. It names every
door that your keys open. So a file is written for you alone (0600).`,
		Example: `  keybroker report
  keybroker report --html --out keys.html
  keybroker report --csv > authorisations.csv
  keybroker report --list
  keybroker report --at 2026-11-20 --since 2026-11-01
  keybroker report --unused 90d --store postgres://auditor@db.example/keys`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if form.unused != "" {
				return a.reportUnused(cmd, form)
			}
			if form.list {
				return a.listInventories(cmd)
			}
			r, err := a.report(cmd, form.chosen)
			if err != nil {
				return err
			}
			return a.writeReport(cmd, r, form)
		},
	}
	cmd.Flags().BoolVar(&form.html, "html", false, "write a page for a browser")
	cmd.Flags().BoolVar(&form.csv, "csv", false, "write every authorisation as a row")
	cmd.Flags().StringVar(&form.file, "out", "", "write into this file")
	cmd.Flags().StringVar(&form.from, "from", "", "show an inventory that keybroker inventory --json wrote into this file")
	cmd.Flags().StringVar(&form.at, "at", "", "show the last inventory until the end of that day (2026-11-20), or until a time (\"2026-11-20 15:04\")")
	cmd.Flags().StringVar(&form.since, "since", "", `what appeared and what is gone since an earlier inventory: "last", or the last before a date (2026-11-01)`)
	cmd.Flags().StringVar(&form.compare, "compare", "", "the same since an inventory that keybroker inventory --json wrote into this file")
	cmd.Flags().BoolVar(&form.list, "list", false, "list the inventories of the store")
	cmd.Flags().StringVar(&form.unused, "unused", "", "instead: the authorisations of every host in the store that nobody used for so long (90d)")
	cmd.Flags().BoolVar(&a.JSON, "json", false, "print JSON with stable field names")
	cmd.MarkFlagsMutuallyExclusive("html", "csv", "json")
	cmd.MarkFlagsMutuallyExclusive("unused", "html")
	for _, flag := range []string{"from", "at", "since", "compare", "list"} {
		cmd.MarkFlagsMutuallyExclusive("unused", flag)
	}
	cmd.MarkFlagsMutuallyExclusive("since", "compare")
	cmd.MarkFlagsMutuallyExclusive("from", "at")
	return cmd
}

// maxInventory is the size of a file that is read: some million authorisations.
const maxInventory = 1 << 30

func readInventory(path string) (inventory lifecycle.Inventory, err error) {
	file, err := os.Open(path)
	if err != nil {
		return inventory, err
	}
	defer file.Close()
	if err := json.NewDecoder(io.LimitReader(file, maxInventory)).Decode(&inventory); err != nil {
		return inventory, problem.With(fmt.Errorf("%s is no inventory: %w", path, err), "keybroker inventory --json > FILE writes one")
	}
	return inventory, nil
}

func (a *app) writeReport(cmd *cobra.Command, r *report.Report, form reportForm) error {
	write := r.Text
	switch {
	case form.html && form.file == "" && term.IsTerminal(int(os.Stdout.Fd())):
		return problem.New("a page is nothing for a terminal", "keybroker report --html --out keys.html")
	case form.html:
		write = r.HTML
	case form.csv:
		write = r.CSV
	case a.JSON:
		write = func(out io.Writer) error { return cli.WriteJSON(out, r.Summary()) }
	}
	if form.file == "" {
		return write(cmd.OutOrStdout())
	}
	if err := writePrivate(form.file, write); err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	return nil
}

// writePrivate replaces a file with one that only the user can read. It is there whole
// or as it was before.
func writePrivate(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".keybroker-report-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // does nothing after the rename
	buffer := bufio.NewWriter(file)
	if err := errors.Join(write(buffer), buffer.Flush(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
