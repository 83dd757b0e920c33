package main

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"

	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

// jsonFlag gives a command that prints a table the flag --json.
func (a *app) jsonFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&a.json, "json", false, "print JSON with stable field names")
	return cmd
}

// print writes value as JSON with --json, else what table writes.
func (a *app) print(cmd *cobra.Command, value any, table func(w io.Writer)) error {
	if a.json {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		if list := reflect.ValueOf(value); list.Kind() == reflect.Slice && list.IsNil() {
			value = []any{} // an empty list is a list too, and not null
		}
		return encoder.Encode(value)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	table(w)
	return w.Flush()
}

// printList is print for a table that can be empty: then it says so in a
// sentence, and with --json is an empty array.
func (a *app) printList(cmd *cobra.Command, value any, length int, empty string, table func(w io.Writer)) error {
	if length == 0 && !a.json {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), empty)
		return err
	}
	return a.print(cmd, value, table)
}

// row writes one line of a table; an empty cell shows as "-".
func row(w io.Writer, cells ...string) {
	for i, cell := range cells {
		if cell == "" {
			cells[i] = "-"
		}
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// parted is an error's text for a person: what happened, and on a line of its
// own what to do.
func parted(err error) (what, remedy string) {
	return platform.Parted(platform.Plain(err))
}

// counted writes a number with its noun: "1 card", "2 cards".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
