package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/keys"
	"github.com/spf13/cobra"
)

// choice is a flag that takes one value of a set, in upper or lower case.
type choice struct {
	value  *string
	values []string
}

// ChoiceFlag registers a choice and its completion. If usage is "", the values are the
// usage text.
func ChoiceFlag(cmd *cobra.Command, value *string, name, short, usage string, values ...string) {
	cmd.Flags().VarP(&choice{value, values}, name, short, usageOf(usage, values))
	CompleteFixed(cmd, name, values...)
}

func (c *choice) String() string { return *c.value }
func (c *choice) Type() string   { return "string" }

func (c *choice) Set(text string) (err error) {
	*c.value, err = pick(c.values, text)
	return err
}

// choices is a flag that may be repeated or take several values with commas.
type choices struct {
	chosen *[]string
	values []string
}

func ChoicesFlag(cmd *cobra.Command, chosen *[]string, name, usage string, values ...string) {
	cmd.Flags().Var(&choices{chosen, values}, name, usageOf(usage, values))
	CompleteFixed(cmd, name, values...)
}

func (c *choices) String() string { return strings.Join(*c.chosen, ",") }
func (c *choices) Type() string   { return "strings" }

func (c *choices) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		value, err := pick(c.values, part)
		if err != nil {
			return err
		}
		*c.chosen = append(*c.chosen, value)
	}
	return nil
}

func pick(values []string, text string) (string, error) {
	i := slices.IndexFunc(values, func(value string) bool { return strings.EqualFold(value, text) })
	if i < 0 {
		return "", fmt.Errorf("use %s", keys.Alternatives(values))
	}
	return values[i], nil
}

func usageOf(usage string, values []string) string {
	if usage != "" {
		return usage
	}
	return keys.Alternatives(values)
}

func CompleteFixed(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
