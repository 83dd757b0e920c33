package main

import (
	"strings"
	"testing"

	"github.com/keybroker/keybroker/cli"
	"github.com/spf13/cobra"
)

func TestHelpSaysWhatNeedsTheBroker(t *testing.T) {
	said := map[string]bool{}
	cli.ForEach(newRoot(nil), func(cmd *cobra.Command) {
		if strings.HasSuffix(cmd.Long, "\n\nIt needs the broker: keybroker daemon.") {
			said[cmd.CommandPath()] = true
		}
	})
	for _, path := range needBroker {
		if !said[path] {
			t.Errorf("%s is no command, or does not say so", path)
		}
	}
	if len(said) != len(needBroker) {
		t.Errorf("%v", said)
	}
}
