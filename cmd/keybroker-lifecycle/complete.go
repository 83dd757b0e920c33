package main

import (
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

// Completion of keys and plans. If the broker or the store does not answer, the shell
// offers nothing.

// completeKeys completes KEY, the first argument. It may be a file, too.
func (c *carrier) completeKeys(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.heldKeys(cmd), cobra.ShellCompDirectiveDefault
}

// completePlans completes PLAN, the only argument.
func (c *carrier) completePlans(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return c.planIDs(cmd), cobra.ShellCompDirectiveNoFileComp
}

// completeFlags completes the flags of cmd whose value is a key or a plan.
func (c *carrier) completeFlags(cmd *cobra.Command) {
	key := func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return c.heldKeys(cmd), cobra.ShellCompDirectiveDefault
	}
	id := func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return c.planIDs(cmd), cobra.ShellCompDirectiveNoFileComp
	}
	for name, complete := range map[string]cobra.CompletionFunc{"to": key, "sign-with": key, "resume": id, "back": id} {
		if cmd.Flags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, complete) // fails for a flag that has a completion only
		}
	}
}

// heldKeys are the broker's keys by name, or by fingerprint where they have none.
func (c *carrier) heldKeys(cmd *cobra.Command) (list []string) {
	if c.app.load() != nil {
		return nil
	}
	held, _ := c.client().Keys(cmd.Context())
	for _, key := range held {
		name, about := key.Name, key.Type
		if name == "" {
			name, about = key.Fingerprint, key.Comment
		}
		list = append(list, cobra.CompletionWithDesc(name, platform.Escape(about, maxStep)))
	}
	return list
}

// planIDs are the plans of the store, newest first.
func (c *carrier) planIDs(cmd *cobra.Command) (list []string) {
	if c.app.load() != nil {
		return nil
	}
	kept, err := c.OpenStore(cmd.Context())
	if err != nil {
		return nil
	}
	defer kept.Close()
	plans, _ := kept.Plans(cmd.Context())
	for _, saved := range plans {
		if run, err := plan.Load(cmd.Context(), kept, saved.ID); err == nil {
			list = append(list, cobra.CompletionWithDesc(saved.ID, platform.Escape(describe(&run.Plan), maxStep)))
		}
	}
	return list
}
