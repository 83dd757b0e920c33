//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
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

// ratios compares the turns that were next to each other.
func (r *row) ratios() []float64 {
	ratios := make([]float64, len(r.our))
	for i := range ratios {
		ratios[i] = r.our[i] / r.old[i]
	}
	return ratios
}

func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tunit\tssh-agent\tkeybroker\tratio\t(least .. most)\ttarget\t")
	for _, r := range rows {
		old, our, ratio := median(r.old), median(r.our), median(r.our)/median(r.old)
		ratios := r.ratios()
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t(%s .. %s)\t%s\t%s\n", r.what, r.unit, number(old), number(our),
			number(ratio), number(slices.Min(ratios)), number(slices.Max(ratios)), r.target, r.target.verdict(our, ratio))
	}
	return t.Flush()
}

func printJSON(w io.Writer, rows []row) error {
	type figure struct {
		What      string    `json:"what"`
		Unit      string    `json:"unit"`
		SSHAgent  float64   `json:"ssh_agent"` // median of the turns
		Keybroker float64   `json:"keybroker"`
		Ratio     float64   `json:"ratio"` // of the medians
		Ratios    []float64 `json:"ratios"`
		Target    string    `json:"target"`
		Verdict   string    `json:"verdict"`
	}
	figures := make([]figure, 0, len(rows))
	for _, r := range rows {
		old, our := median(r.old), median(r.our)
		figures = append(figures, figure{r.what, r.unit, old, our, our / old, r.ratios(), r.target.String(), r.target.verdict(our, our/old)})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(figures)
}

func median[T cmp.Ordered](values []T) T {
	return slices.Sorted(slices.Values(values))[len(values)/2]
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
