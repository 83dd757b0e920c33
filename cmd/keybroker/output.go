package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/spf13/cobra"
)

// tableFlags gives a command that prints a table the flags --json and --wide.
func (a *app) tableFlags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&a.json, "json", false, "print JSON with stable field names")
	cmd.Flags().BoolVar(&a.wide, "wide", false, "do not fit rows to the width of the terminal")
	return cmd
}

// print writes value as JSON with --json, otherwise the rows that fill adds to a table.
func (a *app) print(cmd *cobra.Command, value any, fill func(w *table)) error {
	if a.json {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		if list := reflect.ValueOf(value); list.Kind() == reflect.Slice && list.IsNil() {
			value = []any{} // an empty list is [], not null
		}
		return encoder.Encode(value)
	}
	w := newTable(cmd.OutOrStdout(), a.wide)
	fill(w)
	return w.flush()
}

// printList is print for a table that can be empty. It then prints the sentence empty,
// or with --json an empty array.
func (a *app) printList(cmd *cobra.Command, value any, length int, empty string, fill func(w *table)) error {
	if length == 0 && !a.json {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), empty)
		return err
	}
	return a.print(cmd, value, fill)
}

// left formats the remaining time: "7h59m", "59m1s".
func left(d time.Duration) string {
	if d >= time.Hour {
		return keys.ShortDuration(d.Round(time.Minute))
	}
	return keys.ShortDuration(d.Round(time.Second))
}
