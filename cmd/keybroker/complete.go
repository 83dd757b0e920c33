package main

import (
	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

// Completion of values from the configuration, the log and the running broker. If one of
// them does not answer, the shell offers nothing.

// maxCompleted is how many past refusals are offered.
const maxCompleted = 20

// completeFrom completes one value from the items of list.
func completeFrom(list func(cmd *cobra.Command) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list(cmd), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag is completeFrom for the value of a flag.
func completeFlag(cmd *cobra.Command, flag string, list func(cmd *cobra.Command) []string) {
	complete := completeFrom(list)
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return complete(cmd, nil, word)
	})
}

// socketNames are the names of the configuration's [[socket]] tables.
func (a *app) socketNames(*cobra.Command) (names []string) {
	if a.load() != nil {
		return nil
	}
	for _, s := range a.config.Sockets {
		names = append(names, s.Name)
	}
	return names
}

// keyNames are the names of keys in rules and in filters of the log.
func (a *app) keyNames(cmd *cobra.Command) []string {
	names, _ := a.completeKeys(cmd, nil, "")
	return names
}

func (a *app) grantIDs(cmd *cobra.Command) (ids []string) {
	client, err := a.client()
	if err != nil {
		return nil
	}
	grants, _ := client.Grants(cmd.Context())
	for _, g := range grants {
		ids = append(ids, cobra.CompletionWithDesc(g.ID, platform.Escape(g.KeyName+", "+g.Program, maxCell)))
	}
	return ids
}

func (a *app) waitingIDs(cmd *cobra.Command) (ids []string) {
	client, err := a.client()
	if err != nil {
		return nil
	}
	waiting, _ := client.Waiting(cmd.Context())
	for _, w := range waiting {
		ids = append(ids, cobra.CompletionWithDesc(w.ID, w.Title))
	}
	return ids
}

// refusedIDs are the IDs of the last refusals in the log, newest first.
func (a *app) refusedIDs(*cobra.Command) (ids []string) {
	if a.locate() != nil {
		return nil
	}
	for record, err := range audit.Read(a.config.AuditDir(), audit.Filter{Decision: audit.Refused, Last: maxCompleted}) {
		if err != nil {
			break
		}
		ids = append([]string{cobra.CompletionWithDesc(record.ID, platform.Escape(record.Reason, maxCell))}, ids...)
	}
	return ids
}

// slotNames are the slots of a PIV card (SP 800-73-4 part 1 table 4b).
func slotNames(*cobra.Command) (names []string) {
	for _, slot := range piv.Slots() {
		names = append(names, cobra.CompletionWithDesc(slot.String(), slot.Name()))
	}
	return names
}

// completeKeys completes the names of keys, and the fingerprints of keys without a name.
func (a *app) completeKeys(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || a.load() != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, err := a.listKeys(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, key := range list {
		name, about := key.Name, key.Type
		if name == "" {
			name, about = key.Fingerprint, key.Comment
		}
		names = append(names, cobra.CompletionWithDesc(name, platform.Escape(about, maxCell)))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
