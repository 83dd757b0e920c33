package inventory

import (
	"fmt"

	"github.com/keybroker/keybroker/lifecycle"
)

// Difference is what two inventories do not share.
type Difference struct {
	Appeared Change `json:"appeared"`
	Gone     Change `json:"gone"`
}

// Change is what one of two inventories has alone.
type Change struct {
	Places []lifecycle.Place `json:"places"`
	Copies []lifecycle.Copy  `json:"copies"`
}

// Empty reports whether nothing changed.
func (c Change) Empty() bool { return len(c.Places) == 0 && len(c.Copies) == 0 }

// Compare returns the authorisations and private key files that appeared since an
// earlier inventory, and those that are gone. What one of the inventories did not look
// at counts as neither: a host that was down has lost no key. A file with a line in it was
// looked at, also where more lets keys in than could be seen.
func Compare(before, after *lifecycle.Inventory) Difference {
	return Difference{Appeared: missing(after, before), Gone: missing(before, after)}
}

// missing is what is in one inventory, and not in another that looked there.
func missing(in, from *lifecycle.Inventory) Change {
	type placeID struct{ host, account, file, fingerprint, forge string }
	type copyID struct{ host, path, fingerprint string }
	idOf := func(p lifecycle.Place) placeID {
		return placeID{hostID(p.Host), p.Account, p.File, p.Fingerprint, p.Forge}
	}
	copyOf := func(c lifecycle.Copy) copyID { return copyID{hostID(c.Host), c.Path, c.Fingerprint} }
	type file struct{ host, account, path string }
	fileOf := func(p lifecycle.Place) file { return file{hostID(p.Host), p.Account, p.File} }
	places, copies, looked, read := map[placeID]bool{}, map[copyID]bool{}, map[[2]string]bool{}, map[file]bool{}
	for _, place := range from.Places {
		places[idOf(place)] = true
		read[fileOf(place)] = true
	}
	for _, file := range from.Copies {
		copies[copyOf(file)] = true
	}
	hosts := map[string]bool{hostID(lifecycle.Host{}): true}
	for _, account := range from.Accounts {
		looked[[2]string{hostID(account.Host), account.Name}] = true
		hosts[hostID(account.Host)] = true
	}
	var change Change
	for _, place := range in.Places {
		if id := idOf(place); !places[id] && (looked[[2]string{id.host, id.account}] || read[fileOf(place)] || id.forge != "") {
			places[id] = true // once, though it has several lines
			change.Places = append(change.Places, place)
		}
	}
	for _, file := range in.Copies {
		if id := copyOf(file); !copies[id] && hosts[id.host] {
			change.Copies = append(change.Copies, file)
		}
	}
	return change
}

// Changes are the findings of row 16: what appeared without the knowledge of the person
// who keeps the inventory.
func (d Difference) Changes(before *lifecycle.Inventory) []lifecycle.Finding {
	var findings []lifecycle.Finding
	since := " appeared since " + before.Taken.Local().Format("2006-01-02 15:04")
	for _, place := range d.Appeared.Places {
		f := ofPlace("appeared", 16, lifecycle.Warning, place)
		f.What = fmt.Sprintf("line %d%s", place.Line, since)
		if !place.FileTime.IsZero() {
			f.What += " (the file was changed at " + place.FileTime.Local().Format("2006-01-02 15:04") + ")"
		}
		f.Remedy = "keybroker terminate " + place.Fingerprint + " " + doorOf(place)
		findings = append(findings, f)
	}
	for _, file := range d.Appeared.Copies {
		f := ofFile("appeared", 16, lifecycle.Warning, file)
		f.What = "the private key file" + since
		findings = append(findings, f)
	}
	return findings
}
