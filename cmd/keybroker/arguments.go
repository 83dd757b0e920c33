package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// exactArgs takes as many arguments as cmd.Use names, and says which one is missing.
func exactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("%s is missing", argumentName(cmd, len(args)))
		}
		return atMost(n)(cmd, args)
	}
}

// atMost takes up to n arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > n {
			return fmt.Errorf("one argument too many: %s", strconv.Quote(platform.Escape(args[n], maxCell)))
		}
		return nil
	}
}

// argumentName is the nth argument as the usage line has it.
func argumentName(cmd *cobra.Command, n int) string {
	names := strings.Fields(cmd.Use)[1:]
	if n < len(names) {
		return names[n]
	}
	return "an argument"
}

// flagValues are what flags of a type take. Those with a set of values say so themselves.
var flagValues = map[string]string{"int": "give a number", "duration": "give a duration: 90s, 15m, 8h", "bool": "give true or false, or the flag alone"}

// flagFault says what is wrong with a flag, in the words of a person.
func flagFault(err error) error {
	invalid, ok := err.(*pflag.InvalidValueError)
	if !ok {
		return err
	}
	give := flagValues[invalid.GetFlag().Value.Type()]
	if give == "" {
		return err
	}
	return fmt.Errorf("--%s cannot be %s: %s", invalid.GetFlag().Name, strconv.Quote(platform.Escape(invalid.GetValue(), maxCell)), give)
}
