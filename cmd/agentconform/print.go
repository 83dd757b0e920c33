package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/conformance"
	"github.com/spf13/cobra"
)

// printer writes results. one is called after each rule, end after all.
type printer interface {
	one(conformance.Result)
	end([]conformance.Result) error
}

func (o *options) printer(out io.Writer, rules int) printer {
	switch o.format {
	case "tap":
		fmt.Fprintf(out, "TAP version 14\n1..%d\n", rules)
		return &tap{out: out}
	case "junit":
		return junit{out}
	case "json":
		return asJSON{out}
	default:
		return newTable(out, o.Wide)
	}
}

func (o *options) printRules(cmd *cobra.Command, rules []conformance.Rule) error {
	w := cli.NewTable(cmd.OutOrStdout(), o.Wide)
	w.Head("RULE", "LEVEL", "SECTION", "WHAT A CONFORMING AGENT DOES")
	for _, rule := range rules {
		w.Row(rule.Name, string(rule.Level), rule.Section, rule.Says)
	}
	return w.Flush()
}

// table prints a row as soon as its rule was tried.
type table struct{ *cli.Table }

func newTable(out io.Writer, wide bool) table {
	w := table{cli.NewTable(out, wide)}
	w.Head("RULE", "LEVEL", "RESULT", "SECTION", "DETAIL")
	w.Roll([]int{28, 7, 8, 22, 40})
	w.Paint(2, map[string]text.Color{string(conformance.Fail): text.FgRed})
	return w
}

func (w table) one(r conformance.Result) {
	w.Row(r.Rule, string(r.Level), string(r.Status), r.Section, r.Detail)
	if r.Status == conformance.Fail {
		w.Line("should be: " + r.Says)
		for _, exchange := range r.Exchanges {
			w.Line("sent " + exchange.Sent)
			w.Line("got  " + exchange.Received)
		}
	}
	_ = w.Flush()
}

func (w table) end(results []conformance.Result) error {
	w.Line(summary(results))
	return w.Flush()
}

func summary(results []conformance.Result) string {
	c := conformance.Count(results)
	return fmt.Sprintf("%d rules: %d pass, %d fail (%d MUST, %d SHOULD, %d OpenSSH, %d advice), %d declined, %d skipped",
		len(results), c.Passed, c.Failed(), c.MustFailed, c.ShouldFailed, c.OpenSSHFailed, c.AdviceFailed, c.Declined, c.Skipped)
}

// tap is the Test Anything Protocol, version 14. What is not a MUST is a TODO.
type tap struct {
	out io.Writer
	n   int
}

func (t *tap) one(r conformance.Result) {
	t.n++
	line := fmt.Sprintf("ok %d - %s", t.n, r.Rule)
	switch {
	case r.Status == conformance.Fail && r.Level == conformance.Must:
		line = "not " + line
	case r.Status == conformance.Fail:
		line = "not " + line + " # TODO " + string(r.Level) + ": " + oneLine(r.Detail)
	case r.Status == conformance.Declined:
		line = "not " + line + " # TODO declined: " + oneLine(r.Detail)
	case r.Status == conformance.Skip:
		line += " # SKIP " + oneLine(r.Detail)
	}
	fmt.Fprintln(t.out, line)
	if r.Status == conformance.Fail {
		details, _ := json.MarshalIndent(r, "  ", "  ") // JSON is YAML
		fmt.Fprintf(t.out, "  ---\n  %s\n  ...\n", details)
	}
}

func (t *tap) end(results []conformance.Result) error {
	_, err := fmt.Fprintln(t.out, "# "+summary(results))
	return err
}

func oneLine(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "#", `\#`)
}

// asJSON prints all results as one array.
type asJSON struct{ out io.Writer }

func (asJSON) one(conformance.Result) {}

func (p asJSON) end(results []conformance.Result) error { return cli.WriteJSON(p.out, results) }

// junit prints the XML that CI systems read.
type junit struct{ out io.Writer }

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	Seconds float64    `xml:"time,attr"`
	Failure *junitText `xml:"failure,omitempty"`
	Skipped *junitText `xml:"skipped,omitempty"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (junit) one(conformance.Result) {}

func (p junit) end(results []conformance.Result) error {
	suite := junitSuite{Name: "agentconform", Tests: len(results)}
	for _, r := range results {
		c := junitCase{Class: string(r.Level) + " " + r.Section, Name: r.Rule, Seconds: r.Took.Seconds()}
		switch r.Status {
		case conformance.Fail:
			suite.Failures++
			var bytes strings.Builder
			for _, exchange := range r.Exchanges {
				fmt.Fprintf(&bytes, "sent %s\ngot  %s\n", exchange.Sent, exchange.Received)
			}
			c.Failure = &junitText{r.Detail, "should be: " + r.Says + "\n" + bytes.String()}
		case conformance.Skip, conformance.Declined:
			suite.Skipped++
			c.Skipped = &junitText{Message: string(r.Status) + ": " + r.Detail}
		}
		suite.Cases = append(suite.Cases, c)
	}
	fmt.Fprint(p.out, xml.Header)
	encoder := xml.NewEncoder(p.out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(suite); err != nil {
		return err
	}
	_, err := fmt.Fprintln(p.out)
	return err
}
