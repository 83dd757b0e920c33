package gauge

import (
	"cmp"
	"slices"
	"strconv"
)

// Target is a bound for a figure of keybroker: on its ratio to ssh-agent's, or on the
// figure itself.
type Target struct {
	sign  string // "<=", ">=" or "" for no target
	bound float64
	unit  string // "" bounds the ratio
}

// NoTarget sets no bound.
var NoTarget = Target{}

// RatioAtMost bounds the ratio.
func RatioAtMost(bound float64) Target { return Target{"<=", bound, ""} }

// RatioAtLeast bounds the ratio.
func RatioAtLeast(bound float64) Target { return Target{">=", bound, ""} }

// AtMost bounds the figure itself.
func AtMost(bound float64, unit string) Target { return Target{"<=", bound, unit} }

func (t Target) String() string {
	if t.sign == "" {
		return "-"
	}
	text := t.sign + " " + Number(t.bound)
	if t.unit != "" {
		text += " " + t.unit
	}
	return text
}

// Verdict is "met", "MISSED", or "-" without a target.
func (t Target) Verdict(value, ratio float64) string {
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

// Quantile is the value that the part q of the values is below: 0.5 gives the median.
func Quantile[T cmp.Ordered](values []T, q float64) T {
	return slices.Sorted(slices.Values(values))[int(q*float64(len(values)))]
}

// Number formats three significant digits.
func Number(f float64) string {
	switch {
	case f >= 100:
		return strconv.FormatFloat(f, 'f', 0, 64)
	case f >= 10:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}
