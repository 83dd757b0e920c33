package report

import "fmt"

// mostRoutes is how many keys the plot of routes has room for.
const mostRoutes = 30

// RoutesToRoot joins each key that opens root with the hosts where it does. A key with
// a private file in clear text is marked: whoever reads the file is root there.
func (r *Report) RoutesToRoot() Plot {
	const left, right, row, top = 300.0, 600.0, 22.0, 8.0
	p := Plot{Width: 900}
	keyAt, hostAt := map[*Key]float64{}, map[*Host]float64{}
	for _, door := range r.Doors {
		if !door.Root() {
			continue
		}
		if _, known := keyAt[door.Key]; !known {
			if len(keyAt) == mostRoutes {
				p.More = "more keys that open root"
				continue
			}
			keyAt[door.Key] = top + float64(len(keyAt))*row
			p.addKey(door.Key, left, keyAt[door.Key])
		}
		if _, known := hostAt[door.Host]; !known {
			hostAt[door.Host] = top + float64(len(hostAt))*row
			p.Texts = append(p.Texts, Text{X: right + 10, Y: hostAt[door.Host] + 11, Anchor: "start", Text: "root@" + clip(door.Host.Name, 34)})
		}
		class := "unused"
		if !door.LastUsed.IsZero() {
			class = "used"
		}
		p.Lines = append(p.Lines, Line{X1: left + 4, Y1: keyAt[door.Key] + 7, X2: right, Y2: hostAt[door.Host] + 7, Class: "route " + class,
			Title: fmt.Sprintf("%s opens root@%s (%s), last used %s", door.Key.Name, door.Host.Name, door.Where, used(door.LastUsed))})
	}
	p.Height = top + float64(max(len(keyAt), len(hostAt)))*row + 6
	return p
}

func (p *Plot) addKey(key *Key, x, y float64) {
	class := "few"
	title := clip(key.Name, 30)
	if key.Clear > 0 {
		class, title = "root", title+" · in clear text"
	}
	p.Texts = append(p.Texts, Text{X: x - 12, Y: y + 11, Anchor: "end", Text: title})
	p.Marks = append(p.Marks, Mark{X: x - 6, Y: y + 2, Width: 10, Height: 10, Round: 5, Class: class, Title: title, Link: key.id()})
}
