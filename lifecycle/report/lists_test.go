package report

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

// An inventory of another machine says what it likes, its fingerprints and types included.
func TestNoCellIsAFormula(t *testing.T) {
	const formula = "=HYPERLINK(0)"
	host := lifecycle.Host{Key: formula, Name: formula}
	place := lifecycle.Place{Host: host, Account: formula, File: formula, Fingerprint: formula, Comment: formula, Options: []string{formula}}
	inventory := lifecycle.Inventory{Taken: taken, Hosts: []lifecycle.Host{host}, Keys: []lifecycle.Key{{Fingerprint: formula, Type: formula}}, Places: []lifecycle.Place{place}}
	var out bytes.Buffer
	if err := New(inventory).CSV(&out); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%q, %v", rows, err)
	}
	for _, row := range append(rows, UnusedRow(place, time.Time{}, time.Time{})) {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") {
				t.Errorf("a formula: %q in %q", cell, row)
			}
		}
	}
}
