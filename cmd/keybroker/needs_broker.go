package main

import (
	"slices"

	"github.com/spf13/cobra"
)

// needBroker are the commands that need a running broker. The others also work without
// one.
var needBroker = []string{
	"keybroker status", "keybroker lock", "keybroker unlock", "keybroker pause", "keybroker resume", "keybroker show", "keybroker approve",
	"keybroker card list", "keybroker card info", "keybroker card forget", "keybroker keys load", "keybroker keys annotate", "keybroker log checkpoint",
	"keybroker grants list", "keybroker grants revoke", "keybroker policy reload",
}

// sayNeedsBroker says so at the end of the command's help.
func sayNeedsBroker(cmd *cobra.Command) {
	if !slices.Contains(needBroker, cmd.CommandPath()) {
		return
	}
	if cmd.Long == "" {
		cmd.Long = cmd.Short + "."
	}
	cmd.Long += "\n\nIt needs the broker: keybroker daemon."
}
