package inventory

import (
	"fmt"

	"github.com/keybroker/keybroker/lifecycle"
)

// routes is row 3: a private key in clear text on one host that opens root on another.
func (j *judge) routes() {
	for _, file := range j.inv.Copies {
		if file.Host.Name == "" || !file.Clear || file.Fingerprint == "" {
			continue
		}
		for _, place := range j.places[file.Fingerprint] {
			if place.Account != "root" || place.Host.Same(file.Host) {
				continue
			}
			f := ofPlace("route-to-root", 3, lifecycle.Serious, place)
			f.What = fmt.Sprintf("line %d: whoever reads %s on %s is root here", place.Line, file.Path, file.Host)
			f.Remedy = "keybroker terminate " + j.word(place.Fingerprint) + " " + doorOf(place)
			j.add(f)
		}
	}
}

// maxHops bounds a chain: longer ones are found from the hosts between.
const maxHops = 6

// door is an account of a host that a chain has come to.
type door struct{ host, account string }

// hop is a login that somebody can make who reads the first file.
type hop struct {
	place lifecycle.Place
	by    string // the logins before it: "app@web2, "
	depth int
}

// chains is row 3 over several hosts: a private key in clear text opens an account in which
// the next one lies, and so on until root. What one key alone opens, routes has named.
func (j *judge) chains() {
	lying := map[door][]lifecycle.Copy{}
	for _, file := range j.inv.Copies {
		if file.Host.Name != "" && file.Clear && file.Fingerprint != "" && file.Account != "" {
			at := door{hostID(file.Host), file.Account}
			lying[at] = append(lying[at], file)
		}
	}
	for _, file := range j.inv.Copies {
		if file.Host.Name != "" && file.Clear && file.Fingerprint != "" {
			j.chainsFrom(file, lying)
		}
	}
}

func (j *judge) chainsFrom(first lifecycle.Copy, lying map[door][]lifecycle.Copy) {
	seen := map[door]bool{{hostID(first.Host), first.Account}: true}
	next := j.hops(first, "", 1)
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		here := door{hostID(at.place.Host), at.place.Account}
		if seen[here] || at.place.Host.Same(first.Host) {
			continue
		}
		seen[here] = true
		if at.place.Account == "root" {
			j.chain(first, at)
			continue
		}
		for _, file := range lying[here] {
			if at.depth < maxHops {
				next = append(next, j.hops(file, at.by+at.place.Account+"@"+at.place.Host.String()+", ", at.depth+1)...)
			}
		}
	}
}

// hops are the logins that a file opens on other hosts. A forced command that is no shell ends a
// chain: it shows no file.
func (j *judge) hops(file lifecycle.Copy, by string, depth int) (list []hop) {
	for _, place := range j.places[file.Fingerprint] {
		command, forced := optionsOf(place)["command"]
		if !place.Host.Same(file.Host) && place.Forge == "" && (!forced || isShell(command)) {
			list = append(list, hop{place, by, depth})
		}
	}
	return list
}

func (j *judge) chain(first lifecycle.Copy, at hop) {
	if at.depth == 1 {
		return
	}
	f := ofPlace("route-to-root", 3, lifecycle.Serious, at.place)
	f.What = fmt.Sprintf("line %d: whoever reads %s on %s gets by %sand is root here", at.place.Line, first.Path, first.Host, at.by)
	f.Remedy = "keybroker terminate " + j.word(at.place.Fingerprint) + " " + doorOf(at.place)
	j.add(f)
}
