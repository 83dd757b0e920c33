package inventory

import (
	"fmt"
	"slices"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/keys/publickey"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
)

// strength is row 11.
func (j *judge) strength(key lifecycle.Key) {
	public, err := publickey.Parse(key.Blob)
	if err != nil || !j.holder(key.Fingerprint) && len(j.places[key.Fingerprint]) == 0 {
		return
	}
	if why, severity := weakness(public); why != "" {
		j.add(lifecycle.Finding{
			Kind: "weak-key", Row: 11, Severity: severity, Fingerprint: key.Fingerprint, What: why,
			Remedy: "keybroker rotate " + j.word(key.Fingerprint) + " --to OTHER",
		})
	}
}

func (j *judge) isTooWeak(fingerprint string) bool {
	public, err := publickey.Parse(j.keys[fingerprint].Blob)
	if err != nil {
		return false
	}
	_, severity := weakness(public)
	return severity == lifecycle.Serious
}

// copies is row 1, what lies in several files, and row 10, how it lies there.
func (j *judge) copies(key lifecycle.Key) {
	files := j.files[key.Fingerprint]
	if len(files) > 1 {
		j.add(lifecycle.Finding{
			Kind: "private-copies", Row: 1, Severity: lifecycle.Warning, Fingerprint: key.Fingerprint,
			What:   fmt.Sprintf("the private key is in %s: %s", keys.Counted(len(files), "file"), listCopies(files)),
			Remedy: "keep one: keybroker keys import FILE, then remove the files",
		})
	}
	j.shared(key, files)
	for _, file := range files {
		j.file(file)
	}
}

// shared is row 9: a person signs with the key here, and so do the programs of a server.
func (j *judge) shared(key lifecycle.Key, files []lifecycle.Copy) {
	there := slices.IndexFunc(files, func(file lifecycle.Copy) bool { return file.Host.Name != "" })
	here := key.Source != "" || slices.ContainsFunc(files, func(file lifecycle.Copy) bool { return file.Host.Name == "" })
	if there < 0 || !here {
		return
	}
	f := ofFile("shared-with-server", 9, lifecycle.Warning, files[there])
	f.What = "the private key is on this machine and on a server: a person and the programs there use one key, and no log tells them apart"
	f.Remedy = "give what runs there a key of its own (keybroker provision OTHER ACCOUNT@HOST --command COMMAND), then keybroker rotate " + j.word(key.Fingerprint) + " --to OTHER"
	j.add(f)
}

// unknownCopies are files whose key only the passphrase would show.
func (j *judge) unknownCopies() {
	for _, file := range j.files[""] {
		j.file(file)
		f := ofFile("unknown-private-key", 1, lifecycle.Info, file)
		f.What = "which key this " + file.Format + " file holds cannot be known without its passphrase: it has no .pub file beside it"
		f.Remedy = "ssh-keygen -y -f " + platform.ShellWord(file.Path) + " > " + platform.ShellWord(file.Path+".pub")
		j.add(f)
	}
}

func (j *judge) file(file lifecycle.Copy) {
	local := file.Host.Name == ""
	if file.Clear {
		f := ofFile("clear-private-key", 10, lifecycle.Serious, file)
		f.What = "the private key lies in clear text: whoever reads the file has the key"
		f.Remedy = "keybroker keys import --delete " + platform.ShellWord(file.Path)
		if j.isTooWeak(file.Fingerprint) { // it is not worth sealing, and DSA cannot be
			f.Remedy = "keybroker rotate " + j.word(file.Fingerprint) + " --to OTHER, then rm " + platform.ShellWord(file.Path)
		}
		if !local {
			f.Remedy = "keybroker rotate " + j.word(file.Fingerprint) + " --to OTHER, and remove the file on " + file.Host.String()
		}
		j.add(f)
	}
	if file.Mode&0o077 != 0 {
		f := ofFile("readable-private-key", 10, lifecycle.Warning, file)
		f.What = fmt.Sprintf("the private key file has mode %#o, which ssh refuses", file.Mode)
		if file.Mode&0o004 != 0 {
			f.Severity, f.What = lifecycle.Serious, fmt.Sprintf("every user can read the private key file (mode %#o)", file.Mode)
		}
		f.Remedy = "chmod 600 " + platform.ShellWord(file.Path) + "; others may have read it: keybroker rotate " + j.word(file.Fingerprint) + " --to OTHER"
		j.add(f)
	}
	if file.Format == "SSH-1" {
		f := ofFile("weak-key", 11, lifecycle.Serious, file)
		f.What, f.Remedy = "a key of SSH protocol 1, which no server should speak", "rm "+platform.ShellWord(file.Path)
		j.add(f)
	}
	if !local {
		f := ofFile("private-key-on-server", 19, lifecycle.Warning, file)
		f.What = "a private key on a server leads from there to other hosts"
		f.Remedy = "keybroker provision OTHER ACCOUNT@HOST for what needs it, then keybroker terminate " + j.word(file.Fingerprint)
		j.add(f)
	}
}

func ofFile(kind string, row int, severity lifecycle.Severity, file lifecycle.Copy) lifecycle.Finding {
	return lifecycle.Finding{Kind: kind, Row: row, Severity: severity, Fingerprint: file.Fingerprint, Host: file.Host, Path: file.Path}
}

// authorisations are rows 4 and 14: whose key it is, and where its private half is.
func (j *judge) authorisations(key lifecycle.Key) {
	places := j.places[key.Fingerprint]
	if j.holder(key.Fingerprint) {
		if len(places) == 0 && len(j.inv.Hosts) > 0 && !key.Signs && len(j.sightings[key.Fingerprint]) == 0 {
			j.add(lifecycle.Finding{
				Kind: "opens-nothing", Row: 14, Severity: lifecycle.Info, Fingerprint: key.Fingerprint,
				What: "this key opens nothing on the hosts that were read, and no use of it is known",
			})
		}
		return
	}
	if len(places) == 0 {
		return
	}
	f := lifecycle.Finding{Fingerprint: key.Fingerprint, Host: places[0].Host, Account: places[0].Account, Path: places[0].File, Severity: lifecycle.Warning}
	if j.claimed[key.Fingerprint].Owner == "" {
		f.Kind, f.Row, f.What = "no-owner", 4, "nobody is named as the owner of this key, which opens "+openings(places)
		f.Remedy = "keybroker keys annotate " + key.Fingerprint + " --owner NAME; or keybroker terminate " + key.Fingerprint
		j.add(f)
		return
	}
	f.Kind, f.Row, f.Severity = "private-half-elsewhere", 14, lifecycle.Info
	f.What, f.Remedy = "the private half of this key was not found; it opens "+openings(places), ""
	j.add(f)
}

// openings writes "2 accounts on 2 hosts".
func openings(places []lifecycle.Place) string {
	accounts, hosts := reach(places)
	return keys.Counted(accounts, "account") + " on " + keys.Counted(hosts, "host")
}

// reach counts the accounts that the places open, and their hosts.
func reach(places []lifecycle.Place) (accounts, hosts int) {
	type account struct{ host, name string }
	seen, machines := map[account]bool{}, map[string]bool{}
	for _, place := range places {
		id := hostID(place.Host)
		seen[account{id, place.Account}], machines[id] = true, true
	}
	return len(seen), len(machines)
}

// hostID is equal for places that are on one server.
func hostID(host lifecycle.Host) string {
	if host.Key != "" {
		return host.Key
	}
	return host.String()
}

// claims are rows 4 and 12: what a person said about the key.
func (j *judge) claims(key lifecycle.Key) {
	claim, claimed := j.claimed[key.Fingerprint]
	if !claimed || claim.Expires.IsZero() {
		return
	}
	f := lifecycle.Finding{Kind: "expired", Row: 12, Fingerprint: key.Fingerprint, Remedy: "keybroker terminate " + j.word(key.Fingerprint)}
	places := j.places[key.Fingerprint]
	switch left := claim.Expires.Sub(j.Now); {
	case left <= 0 && len(places) > 0:
		f.Severity, f.What = lifecycle.Serious, fmt.Sprintf("the key expired on %s and still opens %s", date(claim.Expires), openings(places))
	case left > 0 && left < expirySoon:
		f.Kind, f.Severity, f.What = "expires-soon", lifecycle.Info, "the key expires on "+date(claim.Expires)
		f.Remedy = "keybroker rotate " + j.word(key.Fingerprint) + " --to OTHER"
	default:
		return
	}
	j.add(f)
}

// revenants are row 15: keys that were terminated and are back.
func (j *judge) revenants() {
	for _, stone := range j.Tombstones {
		if !stone.Restored.IsZero() {
			continue
		}
		for _, place := range j.places[stone.Fingerprint] {
			j.add(lifecycle.Finding{
				Kind: "revenant", Row: 15, Severity: lifecycle.Serious, Fingerprint: stone.Fingerprint,
				Host: place.Host, Account: place.Account, Path: place.File,
				What:   fmt.Sprintf("line %d lets in a key that was terminated on %s by %s", place.Line, date(stone.Terminated), stone.By),
				Remedy: "keybroker terminate " + stone.Fingerprint,
			})
		}
	}
}

func date(t time.Time) string { return t.Format(time.DateOnly) }

func listCopies(files []lifecycle.Copy) string {
	const most = 5
	var names []string
	for _, file := range files {
		name := file.Path
		if file.Host.Name != "" {
			name = file.Host.String() + ":" + name
		}
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
	}
	return joinNames(names)
}

func joinNames(names []string) string {
	text := ""
	for i, name := range names {
		switch {
		case i > 0 && i == len(names)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += name
	}
	return text
}
