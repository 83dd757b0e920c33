package main

import (
	"context"
	"time"

	"github.com/keybroker/keybroker/cardadmin"
	"github.com/keybroker/keybroker/piv/cardkeys"
	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

// completeLimit bounds the search for cards when the shell completes a name.
const completeLimit = 2 * time.Second

// completeCards completes the name of a card, as rules write it: without spaces.
func (a *app) completeCards(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var completions []string
	seen := map[string]bool{}
	ctx, stop := context.WithTimeout(cmd.Context(), completeLimit)
	defer stop()
	for _, c := range cardadmin.Known(ctx, a.client) {
		name, where := cardkeys.Slug(c.Name), "out"
		if seen[name] {
			name = c.ID
		}
		seen[name] = true
		if c.Reader != "" {
			where = "in " + platform.Escape(c.Reader, maxCardCell)
		}
		completions = append(completions, cobra.CompletionWithDesc(name, where))
	}
	return completions, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeOneCard(cmd *cobra.Command, args []string, text string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeCards(cmd, args, text)
}
