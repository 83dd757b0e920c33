package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/keybroker/keybroker/platform"
	"golang.org/x/term"
)

const (
	// barWidth is the width of the bar in characters.
	barWidth = 24
	// minName and maxName are how much of a host's name is shown, in characters.
	minName, maxName = 10, 40
	// drawEvery is how often the bar is drawn, at most.
	drawEvery = 100 * time.Millisecond
)

// progress is a bar on a terminal's standard error; elsewhere it shows nothing. It is
// used by one goroutine at a time.
type progress struct {
	total, done int
	began, last time.Time
	shown       bool
}

func newProgress(total int) *progress {
	return &progress{total: total, began: time.Now(), shown: total > 0 && term.IsTerminal(int(os.Stderr.Fd()))}
}

// step counts one host.
func (p *progress) step(name string) {
	p.done++
	if !p.shown || time.Since(p.last) < drawEvery && p.done < p.total {
		return
	}
	p.last = time.Now()
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil || width <= 0 { // some terminals tell nothing
		width = 80
	}
	fmt.Fprintf(os.Stderr, "\r\x1b[K%s", p.line(name, width-1))
}

// line is what fits into the width: the numbers first, then the bar, then the host.
func (p *progress) line(name string, width int) string {
	line := fmt.Sprintf("%d of %d hosts, %s", p.done, p.total, time.Since(p.began).Round(time.Second))
	if len(line) > width {
		return line[:max(width, 0)]
	}
	if len(line)+barWidth+3 <= width {
		full := barWidth * p.done / p.total
		line = fmt.Sprintf("[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), line)
	}
	if room := width - len(line) - 2; room >= minName {
		line += "  " + platform.Escape(name, min(room, maxName))
	}
	return line
}

// end removes the bar.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
