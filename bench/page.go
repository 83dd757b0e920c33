//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/bench/internal/gauge"
)

// The page has the figures between these lines; the rest of it is written by hand.
const (
	figuresBegin = "<!-- bench writes what follows -->\n"
	figuresEnd   = "<!-- bench ends -->\n"
)

// writePage puts the figures into the page at path, and the pictures beside it.
func (b *bench) writePage(path string, rows []gauge.Row, growths []growth) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var figures strings.Builder
	figures.WriteString(figuresBegin + "\n" + b.machine() + "\n\n" + gauge.Markdown(rows) + "\n## How cost grows\n")
	for i := range growths {
		g := &growths[i]
		var picture bytes.Buffer
		if err := g.chart.WriteSVG(&picture); err != nil {
			return err
		}
		name := "images/growth-" + g.name + ".svg"
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), picture.Bytes(), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&figures, "\n![%s, by %s](%s)\n\n%s", g.chart.Title, g.chart.X, name, g.chart.Markdown())
	}
	figures.WriteString("\n" + figuresEnd)
	page, err = replaced(page, figures.String())
	if err != nil {
		return err
	}
	return os.WriteFile(path, page, 0o644)
}

func replaced(page []byte, figures string) ([]byte, error) {
	before, rest, begins := bytes.Cut(page, []byte(figuresBegin))
	_, after, ends := bytes.Cut(rest, []byte(figuresEnd))
	if !begins || !ends {
		return nil, fmt.Errorf("the page has no lines %q and %q", figuresBegin, figuresEnd)
	}
	return slices.Concat(before, []byte(figures), after), nil
}

// machine says on what the figures were measured.
func (b *bench) machine() string {
	version, _ := exec.Command("ssh", "-V").CombinedOutput()
	load, _ := os.ReadFile("/proc/loadavg")
	before, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%d processors, %s, %s, %s; %s: %d turns, load %s at the end.", runtime.NumCPU(), release(),
		strings.TrimSpace(string(version)), runtime.Version(), time.Now().Format(time.DateOnly), b.rounds, before)
}

// release is the name of the system (os-release(5)).
func release() string {
	text, _ := os.ReadFile("/etc/os-release")
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(strings.TrimSpace(name), `"`)
		}
	}
	return runtime.GOOS
}
