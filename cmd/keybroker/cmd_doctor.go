package main

import (
	"context"
	"errors"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/keybroker/keybroker/broker/doctor"
	"github.com/keybroker/keybroker/cli"
	"github.com/spf13/cobra"
)

// checkTime bounds each check, so that the doctor never hangs.
const checkTime = 5 * time.Second

func newDoctorCommand(a *app) *cobra.Command {
	return a.TableFlags(&cobra.Command{
		Use:   "doctor",
		Short: "Check everything that a signature needs, and say what to fix",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), checkTime)
			defer cancel()
			err := a.load()
			checks := doctor.Examine(ctx, doctor.Patient{Config: a.config, Err: err, Version: version, Person: atTerminal{}})
			if err := a.Print(cmd, checks, func(w *cli.Table) { printChecks(w, checks) }); err != nil {
				return err
			}
			for _, c := range checks {
				if c.Result == "FAIL" {
					return errors.New("something is wrong, see above")
				}
			}
			return nil
		},
	})
}

func printChecks(w *cli.Table, checks []doctor.Check) {
	w.Paint(0, map[string]text.Color{"ok": text.FgGreen, "note": text.FgYellow, "FAIL": text.FgRed})
	for _, c := range checks {
		w.Row(c.Result, c.Name, c.Text)
		if c.Remedy != "" {
			w.Below("→ " + c.Remedy)
		}
	}
}
