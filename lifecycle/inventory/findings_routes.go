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
