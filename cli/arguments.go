package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ExactArgs accepts exactly n arguments, and names the one that is missing.
func ExactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("%s is missing", argumentName(cmd, len(args)))
		}
		return AtMost(n)(cmd, args)
	}
}

// AtMost accepts up to n arguments.
func AtMost(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > n {
			return fmt.Errorf("one argument too many: %s", strconv.Quote(platform.Escape(args[n], maxCell)))
		}
		return nil
	}
}

// argumentName is the name of the nth argument in the usage line.
func argumentName(cmd *cobra.Command, n int) string {
	names := strings.Fields(cmd.Use)[1:]
	if n < len(names) {
		return names[n]
	}
	return "an argument"
}

// flagValues describes the values of each type of flag. Flags with a set of values
// describe their own.
var flagValues = map[string]string{"int": "give a number", "duration": "give a duration: 90s, 15m, 8h", "bool": "give true or false, or the flag alone"}

// flagFault explains a wrong flag in plain words.
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

// flagTexts are cobra's texts about flags that are missing or do not go together, with
// their names in brackets or quotes, and the same in plain words.
var flagTexts = []struct {
	cobra string // a regular expression
	plain func(flags []string) string
}{
	{`^required flag\(s\) (.+) not set$`, missing},
	{`must all be set; missing \[(.+)\]$`, missing},
	{`none of the others can be; \[(.+)\] were all set$`, func(flags []string) string {
		return strings.Join(flags, " and ") + " do not go together: give one of them"
	}},
}

func missing(flags []string) string {
	if len(flags) == 1 {
		return flags[0] + " is missing"
	}
	return strings.Join(flags, " and ") + " are missing"
}

// groupFault says in plain words which flags are missing or do not go together.
func groupFault(err error) error {
	for _, text := range flagTexts {
		found := regexp.MustCompile(text.cobra).FindStringSubmatch(err.Error())
		if found == nil {
			continue
		}
		var flags []string
		for _, name := range strings.FieldsFunc(found[1], func(r rune) bool { return strings.ContainsRune(`", `, r) }) {
			flags = append(flags, "--"+name)
		}
		return errors.New(text.plain(flags))
	}
	return err
}
