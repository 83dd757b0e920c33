package gauge

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
)

// Every point of a chart is inside the plot, ten times as much is one step of the axis, and
// a name with markup stays text.
func TestWriteSVG(t *testing.T) {
	chart := Chart{Title: "a < b", X: "keys", Y: "µs", Lines: []Line{
		{"keybroker & co", []Point{{1, 0.2}, {10, 2}, {100, 20}}},
		{"ssh-agent", []Point{{1, 5}, {100, 5}}},
	}}
	var out strings.Builder
	if err := chart.WriteSVG(&out); err != nil {
		t.Fatal(err)
	}
	var at []float64
	var texts []string
	for decoder := xml.NewDecoder(strings.NewReader(out.String())); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "circle" {
				x, y := number(t, token, "cx"), number(t, token, "cy")
				if x < chartLeft || x > chartWidth-chartRight || y < chartTop || y > chartHeight-chartBottom {
					t.Errorf("a point at %v, %v", x, y)
				}
				at = append(at, x)
			}
		case xml.CharData:
			texts = append(texts, string(token))
		}
	}
	if len(at) != 5 || at[1]-at[0] != at[2]-at[1] || at[0] != at[3] {
		t.Errorf("points at %v", at)
	}
	for _, want := range []string{"a < b", "keybroker & co", "ssh-agent", "0.1", "100"} {
		if !strings.Contains(strings.Join(texts, "\n"), want) {
			t.Errorf("no text %q", want)
		}
	}
}

func number(t *testing.T, element xml.StartElement, name string) float64 {
	t.Helper()
	for _, a := range element.Attr {
		if a.Name.Local == name {
			value, err := strconv.ParseFloat(a.Value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("no %s", name)
	return 0
}
