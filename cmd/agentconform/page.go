package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/conformance"
	"github.com/keybroker/keybroker/problem"
	"github.com/spf13/cobra"
)

// tried is an agent and its results.
type tried struct {
	title   string
	results []conformance.Result
}

// newPageCommand is for docs/conformance.md.
func newPageCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "page TITLE=FILE...",
		Short:  "Write one page in Markdown about several agents, from the JSON of their runs",
		Hidden: true,
		Args:   cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			agents, err := readTried(args)
			if err == nil {
				err = writePage(cmd.OutOrStdout(), agents)
			}
			return err
		},
	}
}

func readTried(args []string) (agents []tried, err error) {
	for _, arg := range args {
		title, file, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, cli.Usage(problem.New(fmt.Sprintf("%q names no file", arg), "write TITLE=FILE"))
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		one := tried{title: title}
		if err := json.Unmarshal(raw, &one.results); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		agents = append(agents, one)
	}
	return agents, nil
}

const pageHead = `# What each agent gets wrong

` + "`agentconform`" + ` tries an ssh-agent against RFC 9987, OpenSSH's PROTOCOL.agent and what OpenSSH's own agent does. This page is what it wrote
(` + "`make agentconform`" + `; do not change it by hand). How to try an agent of yours: [guide](guide.md#is-an-agent-right).

- **MUST** and **SHOULD** are RFC 9987's. **OpenSSH** is PROTOCOL.agent, or what clients of OpenSSH's agent are used to. **Advice** is
  written nowhere.
- An agent may refuse what it does not support: that is no MUST. A rule that cannot be tried because of that is *skipped*.
- *Declined*: the agent's profile says that it chooses so, and why. A MUST cannot be declined.

`

func writePage(out io.Writer, agents []tried) error {
	var b strings.Builder
	b.WriteString(pageHead + "| agent | rules passed | MUST failed | SHOULD | OpenSSH | advice | declined | skipped |\n|---|---|---|---|---|---|---|---|\n")
	for _, a := range agents {
		c := conformance.Count(a.results)
		fmt.Fprintf(&b, "| %s | %d of %d | %d | %d | %d | %d | %d | %d |\n", a.title, c.Passed, len(a.results), c.MustFailed, c.ShouldFailed, c.OpenSSHFailed, c.AdviceFailed, c.Declined, c.Skipped)
	}
	for _, a := range agents {
		a.write(&b)
	}
	writeMatrix(&b, agents)
	_, err := io.WriteString(out, b.String())
	return err
}

// shownBytes is how much of a message the page shows.
const shownBytes = 96

// write writes what one agent gets wrong.
func (a tried) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n", a.title)
	none := true
	for _, level := range []conformance.Level{conformance.Must, conformance.Should, conformance.OpenSSH, conformance.Advice} {
		for _, r := range a.results {
			if r.Level != level || r.Status != conformance.Fail && r.Status != conformance.Declined {
				continue
			}
			none = false
			fmt.Fprintf(b, "- **%s** `%s`%s: %s *%s*", level, r.Rule, section(r), r.Says, markdown(r.Detail))
			if r.Status == conformance.Declined {
				b.WriteString(" (declined)")
			}
			if n := len(r.Exchanges); n > 0 && level == conformance.Must {
				last := r.Exchanges[n-1]
				if last.Sent != "" {
					fmt.Fprintf(b, "; last: sent `%s`, got `%s`", short(last.Sent), short(markdown(last.Received)))
				}
			}
			b.WriteString("\n")
		}
	}
	if none {
		b.WriteString("Nothing.\n")
	}
}

func section(r conformance.Result) string {
	if r.Section == "-" {
		return ""
	}
	return " (" + r.Section + ")"
}

func short(hex string) string {
	if len(hex) > shownBytes {
		return hex[:shownBytes] + "…"
	}
	return hex
}

// markdown keeps a text from being read as markup, and the names of temporary
// directories out of it.
func markdown(text string) string {
	if i := strings.Index(text, "unix @->"); i >= 0 {
		if j := strings.Index(text[i:], ": "); j >= 0 {
			text = text[:i] + text[i+j+2:]
		}
	}
	return strings.NewReplacer("*", `\*`, "|", `\|`, "<", "&lt;", "\n", " ").Replace(text)
}

// marks are the cells of the matrix.
var marks = map[conformance.Status]string{conformance.Pass: "✓", conformance.Fail: "**✗**", conformance.Skip: "·", conformance.Declined: "declined"}

// writeMatrix writes every rule against every agent.
func writeMatrix(b *strings.Builder, agents []tried) {
	b.WriteString("\n## Every rule\n\n✓ passed, ✗ failed, · skipped\n\n| rule | level |")
	for _, a := range agents {
		b.WriteString(" " + a.title + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(agents)) + "\n")
	for _, rule := range conformance.Rules() {
		fmt.Fprintf(b, "| `%s` | %s |", rule.Name, rule.Level)
		for _, a := range agents {
			mark := ""
			for _, r := range a.results {
				if r.Rule == rule.Name {
					mark = marks[r.Status]
				}
			}
			b.WriteString(" " + mark + " |")
		}
		b.WriteString("\n")
	}
}
