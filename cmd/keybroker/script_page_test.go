//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/keybroker/keybroker/piv/pivtest"
	"github.com/rogpeppe/go-internal/testscript"
)

// onPage is what a page's commands run with: ssh and scp read the configuration of the script's
// home, which they would not find by themselves.
const onPage = `ssh() { command ssh -F "$HOME/.ssh/config" "$@"; }
scp() { command scp -F "$HOME/.ssh/config" "$@"; }
`

// cmdPage is "page PAGE [HEADING]": it runs the sh blocks of docs/PAGE, below that heading only,
// in the script's environment and in order. Each line of a text block must be in the output of the
// sh block before it; "…" stands for anything. A block that ends with an error is fine if a text
// block follows it. Input comes from the file "typed", if there is one, and the script's card is touched
// whenever it waits for that.
func cmdPage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: page PAGE [HEADING]")
	}
	text, err := os.ReadFile(filepath.Join(sourceDir, "..", "..", "docs", args[0]))
	ts.Check(err)
	heading := ""
	if len(args) == 2 {
		heading = args[1]
	}
	blocks := pageBlocks(string(text), heading)
	if len(blocks) == 0 {
		ts.Fatalf("docs/%s has no commands below %q", args[0], heading)
	}
	for i, block := range blocks {
		if block.language == "sh" {
			runBlock(ts, block.text, expected(blocks[i+1:]))
		}
	}
}

// sourceDir is this package's directory: scripts run elsewhere.
var sourceDir, _ = os.Getwd()

// pageBlock is a fenced block of Markdown.
type pageBlock struct{ language, text string }

// pageBlocks are the sh and text blocks below a heading, up to the next of its level; "": all.
func pageBlocks(text, heading string) (blocks []pageBlock) {
	var block *pageBlock
	level, within := 0, heading == ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch depth := len(line) - len(strings.TrimLeft(line, "#")); {
		case block != nil && line == "```":
			if within && (block.language == "sh" || block.language == "text") {
				blocks = append(blocks, *block)
			}
			block = nil
		case block != nil:
			block.text += line + "\n"
		case strings.HasPrefix(line, "```"):
			block = &pageBlock{language: strings.TrimPrefix(line, "```")}
		case depth > 0 && heading != "":
			title := strings.TrimSpace(line[depth:])
			if title == heading {
				within, level = true, depth
			} else if depth <= level {
				within = false
			}
		}
	}
	return blocks
}

// expected is the text block that follows a sh block at once.
func expected(rest []pageBlock) []string {
	if len(rest) == 0 || rest[0].language != "text" {
		return nil
	}
	return strings.Split(strings.TrimRight(rest[0].text, "\n"), "\n")
}

func runBlock(ts *testscript.TestScript, commands string, want []string) {
	cmd := exec.Command("/bin/sh", "-c", onPage+commands)
	if want == nil {
		cmd.Args = []string{"/bin/sh", "-e", "-c", onPage + commands}
	}
	cmd.Dir, cmd.Env = ts.MkAbs("."), environ(ts)
	cmd.Stdin = strings.NewReader(readOr(filepath.Join(ts.Getenv("WORK"), "typed")))
	end := touching(rigOf(ts).bench)
	out, err := cmd.CombinedOutput()
	end()
	ts.Logf("%s--\n%s", commands, out)
	if err != nil && want == nil {
		ts.Fatalf("%v in:\n%s\n%s", err, commands, out)
	}
	for _, line := range want {
		if !linePattern(line).Match(out) {
			ts.Fatalf("the output lacks %q:\n%s", line, out)
		}
	}
}

// touching touches the card whenever it waits for that, until end is called.
func touching(bench *pivtest.Bench) (end func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for bench != nil {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
				_, _ = bench.Do([]string{"touch"}) // an error: it does not wait for one
			}
		}
	}()
	return func() { close(done); <-ended }
}

// linePattern takes any run of spaces for any other: tables are as wide as their values.
func linePattern(line string) *regexp.Regexp {
	parts := strings.Split(strings.Join(strings.Fields(line), " "), "…")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(regexp.QuoteMeta(part), " ", `[ \t]+`)
	}
	return regexp.MustCompile(fmt.Sprintf(`(?m)^[ \t]*%s[ \t\r]*$`, strings.Join(parts, ".*")))
}
