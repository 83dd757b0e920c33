package report

import "fmt"

// What the matrix has room for. The table has all.
const (
	mostColumns = 48
	mostRows    = 40
)

// HostsByKeys has a cell for each host that a key opens: filled if it was used, hollow
// if no use is known, dashed if nobody watched.
func (r *Report) HostsByKeys() Plot {
	const left, head, side = 200.0, 130.0, 14.0
	keys, hosts := opening(r.Keys), opened(r.Hosts)
	p := Plot{}
	if hidden := len(keys) - mostRows; hidden > 0 {
		p.More = plural(hidden, "more key")
		keys = keys[:mostRows]
	}
	if hidden := len(hosts) - mostColumns; hidden > 0 {
		p.More = joined(p.More, plural(hidden, "more host"))
		hosts = hosts[:mostColumns]
	}
	column := map[*Host]int{}
	for n, host := range hosts {
		column[host] = n
		p.Texts = append(p.Texts, Text{X: left + float64(n)*side + side*0.7, Y: head - 6, Anchor: "start", Text: clip(host.Name, 18), Turned: true})
	}
	for n, key := range keys {
		y := head + float64(n)*side
		p.Texts = append(p.Texts, Text{X: left - 8, Y: y + side*0.75, Anchor: "end", Text: clip(key.Name, 28)})
		for host, doors := range byHost(key) {
			if at, shown := column[host]; shown {
				p.Marks = append(p.Marks, cell(left+float64(at)*side, y, side, key, host, doors))
			}
		}
	}
	p.Width, p.Height = max(left+float64(len(hosts))*side+60, 900), head+float64(len(keys))*side+8
	return p
}

func cell(x, y, side float64, key *Key, host *Host, doors []*Door) Mark {
	class, state := "unwatched", "not watched, no known use"
	root := ""
	for _, door := range doors {
		switch {
		case !door.LastUsed.IsZero():
			class, state = "used", "last used "+used(door.LastUsed)
		case !door.Watched.IsZero() && class != "used":
			class, state = "unused", "no known use since "+used(door.Watched)
		}
		if door.Root() {
			root = " root"
		}
	}
	return Mark{X: x + 1.5, Y: y + 1.5, Width: side - 3, Height: side - 3, Round: 2, Class: "cell " + class + root, Link: key.id(),
		Title: fmt.Sprintf("%s at %s: %s, %s", key.Name, host.Name, plural(len(doors), "account"), state)}
}

func byHost(key *Key) map[*Host][]*Door {
	doors := map[*Host][]*Door{}
	for _, door := range key.Doors {
		doors[door.Host] = append(doors[door.Host], door)
	}
	return doors
}

func opening(keys []*Key) (list []*Key) {
	for _, key := range keys {
		if len(key.Doors) > 0 {
			list = append(list, key)
		}
	}
	return list
}

func opened(hosts []*Host) (list []*Host) {
	for _, host := range hosts {
		if host.Doors > 0 {
			list = append(list, host)
		}
	}
	return list
}

func joined(a, b string) string {
	if a == "" {
		return b
	}
	return a + " and " + b
}

// clip shortens a label. What is whole is in the title and in the table.
func clip(text string, longest int) string {
	letters := []rune(text)
	if len(letters) <= longest {
		return text
	}
	return string(letters[:longest-1]) + "…"
}
