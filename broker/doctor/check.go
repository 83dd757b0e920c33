package doctor

import (
	"fmt"
	"sync"
	"time"

	"github.com/keybroker/keybroker/platform"
)

// The results of a check.
const (
	ok   = "ok"
	note = "note" // worth knowing; a signature can still be made
	fail = "FAIL"
)

// Check is one line of the doctor's report.
type Check struct {
	Name   string `json:"name"`
	Result string `json:"result"` // "ok", "note" or "FAIL"
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
	Fix    *Fix   `json:"fix,omitempty"` // nil: only a person can do it
}

func fine(name, text string) Check { return Check{Name: name, Result: ok, Text: text} }
func noted(name, text, remedy string) Check {
	return Check{Name: name, Result: note, Text: text, Remedy: remedy}
}
func broken(name, text, remedy string) Check {
	return Check{Name: name, Result: fail, Text: text, Remedy: remedy}
}

func failed(name string, err error) Check {
	what, remedy := platform.Explain(err)
	return broken(name, what, remedy)
}

func (c Check) with(fix *Fix) Check {
	c.Fix = fix
	return c
}

// partLimit bounds each part of the examination: a service that hangs is named and does not
// hold up the others. It is longer than a loaded machine needs for a program's start.
const partLimit = 5 * time.Second

// part is what is examined on its own.
type part struct {
	name  string
	check func() []Check
}

// examine runs all parts at once and returns their checks in order.
func examine(parts []part, limit time.Duration) (checks []Check) {
	results := make([][]Check, len(parts))
	var waits sync.WaitGroup
	for i, p := range parts {
		waits.Go(func() { results[i] = p.within(limit) })
	}
	waits.Wait()
	for _, result := range results {
		checks = append(checks, result...)
	}
	return checks
}

// within leaves a part that does not end behind: the command ends soon.
func (p part) within(limit time.Duration) []Check {
	done := make(chan []Check, 1)
	go func() { done <- p.check() }()
	select {
	case checks := <-done:
		return checks
	case <-time.After(limit):
		return []Check{broken(p.name, fmt.Sprintf("no answer within %v", limit), "find out what it waits for, and try again")}
	}
}
