//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// target is what a figure of keybroker should be: a bound on its ratio to
// ssh-agent's, or on the figure itself.
type target struct {
	sign  string // "<=", ">=", "": there is none
	bound float64
	unit  string // "" bounds the ratio
}

var noTarget = target{}

func ratioAtMost(bound float64) target         { return target{"<=", bound, ""} }
func ratioAtLeast(bound float64) target        { return target{">=", bound, ""} }
func atMost(bound float64, unit string) target { return target{"<=", bound, unit} }

func (t target) String() string {
	if t.sign == "" {
		return "-"
	}
	text := t.sign + " " + number(t.bound)
	if t.unit != "" {
		text += " " + t.unit
	}
	return text
}

// verdict is "met", "MISSED", or "-" without a target.
func (t target) verdict(value, ratio float64) string {
	if t.unit == "" {
		value = ratio
	}
	switch {
	case t.sign == "":
		return "-"
	case t.sign == "<=" && value <= t.bound, t.sign == ">=" && value >= t.bound:
		return "met"
	}
	return "MISSED"
}

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
		return side{quantile(turns, 0.5), slices.Max(turns)}
	}
	return side{quantile(turns, 0.5), slices.Min(turns)}
}

func (s side) String() string { return number(s.Median) + " (" + number(s.Best) + ")" }

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
		Ratio: quantile(ratios, 0.5), Low: quantile(ratios, 0.25), High: quantile(ratios, 0.75),
		Turns: len(ratios), Target: r.target.String(),
	}
	f.Verdict = r.target.verdict(f.Keybroker.Median, f.Ratio)
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
			number(f.Ratio), number(f.Low), number(f.High), f.Turns, f.Target, f.Verdict)
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

// quantile is the value that the part q of the values is below: 0.5 gives the median.
func quantile[T cmp.Ordered](values []T, q float64) T {
	return slices.Sorted(slices.Values(values))[int(q*float64(len(values)))]
}

// number writes three digits that count.
func number(f float64) string {
	switch {
	case f >= 100:
		return strconv.FormatFloat(f, 'f', 0, 64)
	case f >= 10:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}
