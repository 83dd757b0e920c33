package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/keybroker/keybroker/cli"
	"github.com/keybroker/keybroker/docs"
	"github.com/spf13/cobra"
)

// manSSHAgent are the last sections of the page of ssh-agent, which has its own exit
// codes and files.
const manSSHAgent = `.SH EXIT STATUS
With a command, the exit status is the command's. Otherwise:
.TP
0
done: the agent runs in the background, or \-k ended it, or SIGTERM ended an agent
whose socket a service manager made
.TP
1
failed, or wrong usage
.TP
2
an agent in the foreground was ended by a signal
.SH FILES
.TP
.I $HOME/.ssh/agent/
the agent's socket; with \-T it is in a directory of its own under
.I $TMPDIR
.TP
.I /etc/keybroker/policy.toml
the rules of the machine's owner
`

func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIRECTORY",
		Short: "Write the manual pages into a directory",
		Long: `Write the manual pages into a directory: one for each command and each program,
and keybroker-config(5) and keybroker-policy(5).`,
		Args: cli.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			if err := cli.WriteManPages(cmd.Root(), args[0], version); err != nil {
				return err
			}
			for name, page := range map[string]string{"keybroker-config": docs.Config, "keybroker-policy": docs.Policy} {
				if err := writeFilePage(args[0], name, page); err != nil {
					return err
				}
			}
			for name, page := range programPages {
				if err := writePage(args[0], name, "1", page.about, page.body); err != nil {
					return err
				}
			}
			if err := writeLifecyclePages(cmd, args[0]); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "Read them: man -l", filepath.Join(args[0], "keybroker.1"))
			return nil
		},
	}
}

// writeFilePage makes a page of section 5 from Markdown. The first line is the title.
func writeFilePage(dir, name, markdown string) error {
	title, body, _ := strings.Cut(markdown, "\n")
	about := strings.ToLower(strings.TrimPrefix(title, "# "))
	return writePage(dir, name, "5", about+" of keybroker", "# DESCRIPTION\n"+withoutTables(body))
}

// writePage makes a page from the Markdown that follows its name.
func writePage(dir, name, section, about, body string) error {
	head := fmt.Sprintf("%% %s %s \"\" \"keybroker %s\" \"keybroker\"\n# NAME\n%s - %s\n", name, section, version, name, about)
	return os.WriteFile(filepath.Join(dir, name+"."+section), md2man.Render([]byte(head+body)), 0o644)
}

// withoutTables turns tables into lists: a terminal is too narrow for columns of
// sentences.
func withoutTables(markdown string) string {
	var b strings.Builder
	var inTable bool
	for line := range strings.Lines(markdown) {
		row, isRow := strings.CutPrefix(strings.TrimSpace(line), "|")
		switch {
		case !isRow:
			b.WriteString(line)
		case !inTable || strings.Trim(row, "|-: ") == "": // the header and the line below it
		default:
			b.WriteString(tableItem(row))
		}
		inTable = isRow
	}
	return b.String()
}

func tableItem(row string) string {
	var cells []string
	for cell := range strings.SplitSeq(strings.TrimSuffix(row, "|"), "|") {
		if cell = strings.TrimSpace(cell); cell != "" {
			cells = append(cells, cell)
		}
	}
	if len(cells) == 0 {
		return ""
	}
	return fmt.Sprintf("- %s: %s\n", cells[0], strings.Join(cells[1:], "; "))
}
