//go:build linux && cgo

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
	what, unit string
	target     gauge.Target
	peer       string // what keybroker is measured beside; "": nothing
	our, old   []float64
}

func (r *row) add(our float64, old ...float64) {
	r.our, r.old = append(r.our, our), append(r.old, old...)
}

// side is what the turns of one program come to.
type side struct {
	Median float64 `json:"median"`
	Best   float64 `json:"best"`
	Worst  float64 `json:"worst"`
}

func sideOf(turns []float64) *side {
	if len(turns) == 0 {
		return nil
	}
	return &side{gauge.Quantile(turns, 0.5), slices.Min(turns), slices.Max(turns)}
}

func (s *side) String() string {
	switch {
	case s == nil:
		return "-"
	case s.Best == s.Worst:
		return gauge.Number(s.Median)
	}
	return fmt.Sprintf("%s (%s .. %s)", gauge.Number(s.Median), gauge.Number(s.Best), gauge.Number(s.Worst))
}

// figure is what a row comes to.
type figure struct {
	What      string  `json:"what"`
	Unit      string  `json:"unit"`
	Keybroker *side   `json:"keybroker"`
	Peer      string  `json:"peer,omitempty"`
	Beside    *side   `json:"beside,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"`      // median of the ratios of turns that were next to each other
	Low       float64 `json:"ratio_low,omitempty"`  // a quarter of the ratios are below
	High      float64 `json:"ratio_high,omitempty"` // a quarter of the ratios are above
	Turns     int     `json:"turns"`
	Target    string  `json:"target"`
	Verdict   string  `json:"verdict"`
}

func (r *row) figure() figure {
	f := figure{What: r.what, Unit: r.unit, Keybroker: sideOf(r.our), Peer: r.peer, Beside: sideOf(r.old),
		Turns: len(r.our), Target: r.target.String()}
	if r.peer != "" {
		ratios := make([]float64, len(r.our))
		for i := range ratios {
			ratios[i] = r.our[i] / r.old[i]
		}
		f.Ratio, f.Low, f.High = gauge.Quantile(ratios, 0.5), gauge.Quantile(ratios, 0.25), gauge.Quantile(ratios, 0.75)
	}
	f.Verdict = r.target.Verdict(f.Keybroker.Median, f.Ratio)
	return f
}

// ratio is "-" where there is nothing beside.
func (f *figure) ratio() string {
	switch {
	case f.Beside == nil:
		return "-"
	case f.Low == f.High:
		return gauge.Number(f.Ratio)
	}
	return fmt.Sprintf("%s (%s .. %s)", gauge.Number(f.Ratio), gauge.Number(f.Low), gauge.Number(f.High))
}

func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tunit\tkeybroker (best .. worst)\tbeside\t(best .. worst)\tratio (quartiles)\tturns\ttarget\t")
	var missed []string
	for _, r := range rows {
		f := r.figure()
		if f.Verdict == "MISSED" {
			missed = append(missed, f.What)
		}
		if f.Peer == "" {
			f.Peer = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n",
			f.What, f.Unit, f.Keybroker, f.Peer, f.Beside, f.ratio(), f.Turns, f.Target, f.Verdict)
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
	for i := range rows {
		figures = append(figures, rows[i].figure())
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(figures)
}
