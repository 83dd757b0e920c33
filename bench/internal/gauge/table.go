package gauge

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// PerSecond is the only unit of which more is better.
const PerSecond = "1/s"

// Row is one measure and the value of each turn.
type Row struct {
	What, Unit string
	Target     Target
	Peer       string // what keybroker is measured beside; "": nothing
	Our, Old   []float64
}

// Add adds a turn of keybroker and of the program beside it.
func (r *Row) Add(our float64, old ...float64) {
	r.Our, r.Old = append(r.Our, our), append(r.Old, old...)
}

// side sums up the turns of one program.
type side struct {
	Median float64 `json:"median"`
	Best   float64 `json:"best"`
	Worst  float64 `json:"worst"`
}

func sideOf(turns []float64, unit string) *side {
	if len(turns) == 0 {
		return nil
	}
	best, worst := slices.Min(turns), slices.Max(turns)
	if unit == PerSecond {
		best, worst = worst, best
	}
	return &side{Quantile(turns, 0.5), best, worst}
}

func (s *side) String() string {
	switch {
	case s == nil:
		return "-"
	case s.Best == s.Worst:
		return Number(s.Median)
	}
	return fmt.Sprintf("%s (%s .. %s)", Number(s.Median), Number(s.Best), Number(s.Worst))
}

// figure sums up a row.
type figure struct {
	What      string  `json:"what"`
	Unit      string  `json:"unit"`
	Keybroker *side   `json:"keybroker"`
	Peer      string  `json:"peer,omitempty"`
	Beside    *side   `json:"beside,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"`      // median of the ratios of adjacent turns
	Low       float64 `json:"ratio_low,omitempty"`  // a quarter of the ratios are below
	High      float64 `json:"ratio_high,omitempty"` // a quarter of the ratios are above
	Turns     int     `json:"turns"`
	Target    string  `json:"target"`
	Verdict   string  `json:"verdict"`
}

func (r *Row) figure() figure {
	f := figure{What: r.What, Unit: r.Unit, Keybroker: sideOf(r.Our, r.Unit), Peer: r.Peer, Beside: sideOf(r.Old, r.Unit),
		Turns: len(r.Our), Target: r.Target.String()}
	if r.Peer != "" && !slices.Contains(r.Old, 0) {
		ratios := make([]float64, len(r.Our))
		for i := range ratios {
			ratios[i] = r.Our[i] / r.Old[i]
		}
		f.Ratio, f.Low, f.High = Quantile(ratios, 0.5), Quantile(ratios, 0.25), Quantile(ratios, 0.75)
	}
	f.Verdict = r.Target.Verdict(f.Keybroker.Median, f.Ratio)
	return f
}

// ratio is "-" if nothing is beside, or zero.
func (f *figure) ratio() string {
	switch {
	case f.Beside == nil, f.Ratio == 0:
		return "-"
	case f.Low == f.High:
		return Number(f.Ratio)
	}
	return fmt.Sprintf("%s (%s .. %s)", Number(f.Ratio), Number(f.Low), Number(f.High))
}

// PrintTable writes a line for each row, and then the missed targets.
func PrintTable(w io.Writer, rows []Row) error {
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

// Markdown is a table of the rows. Each says first what was measured beside keybroker.
func Markdown(rows []Row) string {
	var b strings.Builder
	b.WriteString("| what | beside | keybroker | ratio (quartiles) | target | |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		f := r.figure()
		fmt.Fprintf(&b, "| %s, %s | %s: %s | %s | %s | %s | %s |\n", f.What, f.Unit, f.Peer, f.Beside, f.Keybroker, f.ratio(), f.Target, f.Verdict)
	}
	return b.String()
}

// PrintJSON writes an object for each row.
func PrintJSON(w io.Writer, rows []Row) error {
	figures := make([]figure, 0, len(rows))
	for i := range rows {
		figures = append(figures, rows[i].figure())
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(figures)
}
