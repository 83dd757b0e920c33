//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/keybroker/keybroker/bench/internal/gauge"
)

// row is one measure and what each turn gave.
type row struct {
	measure
	old, our []float64
}

// side is what the turns of one program come to.
type side struct {
	Median float64 `json:"median"`
	Best   float64 `json:"best"`
}

func sideOf(turns []float64, unit string) side {
	if unit == perSecond {
		return side{gauge.Quantile(turns, 0.5), slices.Max(turns)}
	}
	return side{gauge.Quantile(turns, 0.5), slices.Min(turns)}
}

func (s side) String() string { return gauge.Number(s.Median) + " (" + gauge.Number(s.Best) + ")" }

// figure is what a row comes to.
type figure struct {
	What      string  `json:"what"`
	Unit      string  `json:"unit"`
	SSHAgent  side    `json:"ssh_agent"`
	Keybroker side    `json:"keybroker"`
	Ratio     float64 `json:"ratio"`      // median of the ratios of turns that were next to each other
	Low       float64 `json:"ratio_low"`  // a quarter of the ratios are below
	High      float64 `json:"ratio_high"` // a quarter of the ratios are above
	Turns     int     `json:"turns"`
	Target    string  `json:"target"`
	Verdict   string  `json:"verdict"`
}

func (r *row) figure() figure {
	ratios := make([]float64, len(r.our))
	for i := range ratios {
		ratios[i] = r.our[i] / r.old[i]
	}
	f := figure{
		What: r.what, Unit: r.unit, SSHAgent: sideOf(r.old, r.unit), Keybroker: sideOf(r.our, r.unit),
		Ratio: gauge.Quantile(ratios, 0.5), Low: gauge.Quantile(ratios, 0.25), High: gauge.Quantile(ratios, 0.75),
		Turns: len(ratios), Target: r.target.String(),
	}
	f.Verdict = r.target.Verdict(f.Keybroker.Median, f.Ratio)
	return f
}

func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tunit\tssh-agent (best)\tkeybroker (best)\tratio\t(quartiles)\tturns\ttarget\t")
	var missed []string
	for _, r := range rows {
		f := r.figure()
		if f.Verdict == "MISSED" {
			missed = append(missed, f.What)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t(%s .. %s)\t%d\t%s\t%s\n", f.What, f.Unit, f.SSHAgent, f.Keybroker,
			gauge.Number(f.Ratio), gauge.Number(f.Low), gauge.Number(f.High), f.Turns, f.Target, f.Verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(missed) == 0 {
		fmt.Fprintln(w, "\nNo target is missed.")
	} else {
		fmt.Fprintf(w, "\nMISSED: %s\n", strings.Join(missed, "; "))
	}
	return nil
}

func printJSON(w io.Writer, rows []row) error {
	figures := make([]figure, 0, len(rows))
	for _, r := range rows {
		figures = append(figures, r.figure())
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(figures)
}
