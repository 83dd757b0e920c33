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
	full := barWidth * p.done / p.total
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil || width <= 0 { // some terminals tell nothing
		width = 80
	}
	line := fmt.Sprintf("[%s%s] %d of %d hosts, %s  %s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full),
		p.done, p.total, time.Since(p.began).Round(time.Second), platform.Escape(name, 40))
	fmt.Fprintf(os.Stderr, "\r\x1b[K%s", platform.Escape(line, max(width-1, 1)))
}

// end removes the bar.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
