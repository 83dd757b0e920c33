package main

import (
	"fmt"
	"io"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/lifecycle/plan"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// printPlan writes what would change, place by place. Servers have chosen the lines.
func printPlan(w io.Writer, p *plan.Plan) {
	fmt.Fprintf(w, "%s\n", describe(p))
	if p.Kind == plan.Provision {
		fmt.Fprintf(w, "  the key that comes in: %s\n", p.Key.Fingerprint)
	} else if p.New != nil {
		fmt.Fprintf(w, "  the key that comes in: %s\n", p.New.Fingerprint)
	}
	for _, place := range p.Places {
		fmt.Fprintf(w, "  %s\n", platform.Escape(place.Target, maxStep))
		if place.Why != "" {
			fmt.Fprintf(w, "    cannot be changed: %s\n", platform.Escape(place.Why, maxStep))
			if place.Remedy != "" {
				fmt.Fprintf(w, "      → %s\n", platform.Escape(place.Remedy, maxStep))
			}
		} else if len(place.Diff) == 0 {
			fmt.Fprintln(w, "    nothing to change")
		}
		for _, line := range place.Diff {
			fmt.Fprintf(w, "    %s\n", platform.Escape(line, maxStep))
		}
	}
}

// writePlan writes the file that others approve.
func (c *carrier) writePlan(cmd *cobra.Command, p plan.Plan) error {
	data, err := plan.Encode(p)
	if err != nil {
		return err
	}
	path := c.out
	if path == "" {
		path = p.ID + ".json"
	}
	if err := platform.WriteNewFile(path, data, 0o644); err != nil {
		return problem.With(err, "give a new file: --out FILE")
	}
	if c.JSON {
		return cli.WriteJSON(cmd.OutOrStdout(), p)
	}
	printPlan(cmd.OutOrStdout(), &p)
	fmt.Fprintf(cmd.OutOrStdout(), "%s is the plan, until %s. To approve it, another person signs it:\n  ssh-keygen -Y sign -n %s -f KEY %s\nThen: keybroker apply %s\n", path, p.Expires.Format("2006-01-02 15:04 MST"), plan.PlanNamespace, path, path)
	return nil
}
