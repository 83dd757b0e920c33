package report

import "fmt"

// UsesByDay has a bar a day. Days on which nobody watched are hatched: no bar there
// says nothing.
func (r *Report) UsesByDay() Plot {
	const width, height, bottom, top = 900.0, 150.0, 125.0, 14.0
	p := Plot{Width: width, Height: height}
	most, used := 1.0, false
	for _, day := range r.Days {
		used = used || float64(day.Uses)+day.Spread > 0
		most = max(most, float64(day.Uses)+day.Spread)
	}
	step := width / float64(max(len(r.Days), 1))
	for n, day := range r.Days {
		x := float64(n) * step
		if !day.Watched {
			p.Marks = append(p.Marks, Mark{X: x, Y: top, Width: step, Height: bottom - top, Class: "unwatched", Title: day.Day.Format("2006-01-02") + ": not watched"})
		}
		known, spread := float64(day.Uses)/most*(bottom-top), day.Spread/most*(bottom-top)
		title := fmt.Sprintf("%s: %s", day.Day.Format("2006-01-02"), plural(day.Uses, "use"))
		if spread > 0 {
			title += fmt.Sprintf(", and about %.0f of sums over several days", day.Spread)
			p.Marks = append(p.Marks, Mark{X: x + step*0.1, Y: bottom - known - spread, Width: step * 0.8, Height: spread, Class: "spread", Title: title})
		}
		p.Marks = append(p.Marks, Mark{X: x + step*0.1, Y: bottom - known, Width: step * 0.8, Height: known, Class: "few", Title: title})
		if day.Day.Day() == 1 || n == 0 && day.Day.Day() < 25 { // else the next month's would be over it
			p.Texts = append(p.Texts, Text{X: x, Y: bottom + 16, Anchor: "start", Text: day.Day.Format("2 Jan")})
		}
	}
	p.Lines = append(p.Lines, Line{X1: 0, Y1: bottom, X2: width, Y2: bottom, Class: "axis"})
	text := "no use is known"
	if used {
		text = fmt.Sprintf("at the most %.0f a day", most)
	}
	p.Texts = append(p.Texts, Text{X: width, Y: top - 3, Anchor: "end", Text: text})
	return p
}
