package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/spf13/cobra"
)

// Output is how a command prints what it found.
type Output struct {
	JSON bool // --json
	Wide bool // --wide
}

// TableFlags gives a command that prints a table the flags --json and --wide.
func (o *Output) TableFlags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print JSON with stable field names")
	cmd.Flags().BoolVar(&o.Wide, "wide", false, "do not fit rows to the width of the terminal")
	return cmd
}

// Print writes value as JSON with --json, otherwise the rows that fill adds to a table.
func (o *Output) Print(cmd *cobra.Command, value any, fill func(w *Table)) error {
	if o.JSON {
		return WriteJSON(cmd.OutOrStdout(), value)
	}
	w := NewTable(cmd.OutOrStdout(), o.Wide)
	fill(w)
	return w.Flush()
}

// PrintList is Print for a table that can be empty. It then prints the sentence empty,
// or with --json an empty array.
func (o *Output) PrintList(cmd *cobra.Command, value any, length int, empty string, fill func(w *Table)) error {
	if length == 0 && !o.JSON {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), empty)
		return err
	}
	return o.Print(cmd, value, fill)
}

// WriteJSON writes value indented. An empty list is [], not null.
func WriteJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	if list := reflect.ValueOf(value); list.Kind() == reflect.Slice && list.IsNil() {
		value = []any{}
	}
	return encoder.Encode(value)
}

// Left formats the remaining time: "7h59m", "59m1s".
func Left(d time.Duration) string {
	if d >= time.Hour {
		return keys.ShortDuration(d.Round(time.Minute))
	}
	return keys.ShortDuration(d.Round(time.Second))
}
