// Package report shows an inventory to a person: one page without a network, which is
// good on a screen and on paper, and lists for other programs.
//
// "Not used" is never said without since when somebody watched.
package report

import (
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
)

// Report is an inventory, put in order for being shown. All text in it is escaped for
// a line (platform.Escape), because hosts, accounts and comments are chosen by others.
type Report struct {
	Taken    time.Time
	Machine  string
	User     string
	Headline string
	Keys     []*Key    // most places first
	Doors    []*Door   // of every place, root first
	Hosts    []*Host   // most places first
	Findings []Finding // most serious first
	Unseen   []Unseen
	Days     []Day // with a use, or watched, oldest first

	Compared *Compared // with an earlier inventory; nil: it was not

	Since     time.Time // the earliest watch; zero: nobody watched
	Unused    int       // doors that were watched, and no use is known
	Unwatched int       // doors that nobody watched, and no use is known
}

// Key is one public key with what is known of it.
type Key struct {
	Name        string
	Fingerprint string
	Type        string
	Owner       string
	Doors       []*Door
	Files       int  // private files with this key
	Clear       int  // of them without a passphrase
	Root        bool // opens root somewhere
	LastUsed    time.Time
	number      int
}

// Door is one account of one host that a key opens.
type Door struct {
	Key      *Key
	Host     *Host
	Account  string
	Where    string // FILE:LINE
	Options  string
	Comment  string
	Appeared time.Time
	LastUsed time.Time
	By       string    // which source told the last use, and from where
	Watched  time.Time // since when, without a gap until now; zero: nobody does
	Findings int
	first    bool // of its key, in the order of the report
}

// Root reports whether the door leads to the account that may do everything.
func (d *Door) Root() bool { return d.Account == "root" }

// RowID names the row of a door in the page: the first door of a key has that of the key.
func (d *Door) RowID() string {
	if d.first {
		return d.Key.id()
	}
	return ""
}

// Classes are what the filter of the page goes by.
func (d *Door) Classes() string {
	classes := []string{"isused"}
	switch {
	case !d.LastUsed.IsZero():
	case d.Watched.IsZero():
		classes = []string{"isunwatched"}
	default:
		classes = []string{"isunused"}
	}
	if d.Root() {
		classes = append(classes, "isroot")
	}
	if d.Findings > 0 {
		classes = append(classes, "hasfindings")
	}
	return strings.Join(classes, " ")
}

// Host is one server.
type Host struct {
	Name  string
	Doors int
	of    lifecycle.Host
}

// Finding is a finding with the recommendation that it is about.
type Finding struct {
	Severity, What, Where, Remedy string
	Row                           int
	Recommendation                string
}

// Unseen is what could not be looked at.
type Unseen struct{ Where, What, Why, Remedy string }

// New puts an inventory in order.
func New(inventory lifecycle.Inventory) *Report {
	r := &Report{Taken: inventory.Taken, Machine: show(inventory.Machine), User: show(inventory.User)}
	b := building{Report: r, Inventory: inventory, keys: map[string]*Key{}, hosts: map[string]*Host{}}
	b.addKeys()
	b.addDoors()
	b.addUses()
	b.addFindings()
	b.addUnseen()
	b.order()
	r.Days = days(inventory)
	r.Headline = r.headline()
	return r
}

// longest is how much of a text of others is shown.
const longest = 200

func show(text string) string { return platform.Escape(text, longest) }

// building is a report on its way.
type building struct {
	*Report
	lifecycle.Inventory
	keys  map[string]*Key  // by fingerprint
	hosts map[string]*Host // by host key, and by name and port
}

func (b *building) addKeys() {
	for _, key := range b.Inventory.Keys {
		shown := b.key(key.Fingerprint)
		shown.Type = show(key.Type)
		if len(key.Names) > 0 {
			shown.Name = show(key.Names[0])
		}
	}
	for _, claim := range b.Claims {
		b.key(claim.Fingerprint).Owner = show(claim.Owner)
	}
	for _, file := range b.Copies {
		if file.Fingerprint == "" {
			continue
		}
		key := b.key(file.Fingerprint)
		key.Files++
		if file.Clear {
			key.Clear++
		}
	}
}

func (b *building) key(fingerprint string) *Key {
	key := b.keys[fingerprint]
	if key == nil {
		key = &Key{Name: show(shortened(fingerprint)), Fingerprint: show(fingerprint), number: len(b.keys)}
		b.keys[fingerprint] = key
		b.Report.Keys = append(b.Report.Keys, key)
	}
	return key
}

// shortened is a name for a key that has none.
func shortened(fingerprint string) string {
	return platform.Escape(strings.TrimPrefix(fingerprint, "SHA256:"), 12)
}

// host finds a host under its key, and under its name where one of the two has no key.
// A new one is one of the report.
func (b *building) host(of lifecycle.Host) *Host {
	host, known := b.find(of)
	if !known {
		if of.Key != "" {
			b.hosts["key "+of.Key] = host
		}
		b.hosts[byName(of)] = host
		b.Report.Hosts = append(b.Report.Hosts, host)
	}
	return host
}

func byName(of lifecycle.Host) string { return of.Name + "\x00" + of.String() }

func (b *building) find(of lifecycle.Host) (host *Host, known bool) {
	for _, host := range []*Host{b.hosts["key "+of.Key], b.hosts[byName(of)]} {
		if host != nil && host.of.Same(of) {
			return host, true
		}
	}
	return &Host{Name: show(of.String()), of: of}, false
}

// hostName is what a host is called in the report, even if it has no part in it.
func (b *building) hostName(of lifecycle.Host) string {
	host, _ := b.find(of)
	return host.Name
}

func (b *building) addDoors() {
	for _, host := range b.Inventory.Hosts {
		b.host(host)
	}
	for _, place := range b.Places {
		key, host := b.key(place.Fingerprint), b.host(place.Host)
		door := &Door{Key: key, Host: host, Account: show(place.Account), Where: where(place),
			Options: show(strings.Join(place.Options, ",")), Comment: show(place.Comment), Appeared: place.FirstSeen}
		if door.Appeared.IsZero() || !place.FileTime.IsZero() && place.FileTime.Before(door.Appeared) {
			door.Appeared = place.FileTime
		}
		if door.Comment == key.Name {
			door.Comment = ""
		}
		key.Root = key.Root || door.Root()
		key.Doors = append(key.Doors, door)
		host.Doors++
		b.Doors = append(b.Doors, door)
	}
}

func where(place lifecycle.Place) string {
	if place.Forge != "" {
		return "key " + show(place.Forge) + " of the account"
	}
	return show(place.File) + ":" + count(place.Line)
}

func (b *building) addFindings() {
	doors := map[[3]string][]*Door{}
	for _, door := range b.Doors {
		id := [3]string{door.Key.Fingerprint, door.Host.Name, door.Account}
		doors[id] = append(doors[id], door)
	}
	for _, finding := range b.Inventory.Findings {
		b.Report.Findings = append(b.Report.Findings, Finding{Severity: finding.Severity.String(), What: show(finding.What), Where: b.about(finding),
			Remedy: show(finding.Remedy), Row: finding.Row, Recommendation: lifecycle.Recommendation(finding.Row)})
		for _, door := range doors[[3]string{show(finding.Fingerprint), b.hostName(finding.Host), show(finding.Account)}] {
			door.Findings++
		}
	}
	slices.SortStableFunc(b.Report.Findings, func(x, y Finding) int { return rank(y.Severity) - rank(x.Severity) })
}

func rank(severity string) int {
	return slices.Index([]string{lifecycle.Info.String(), lifecycle.Warning.String(), lifecycle.Serious.String()}, severity)
}

// about is where a finding is, as people write it.
func (b *building) about(finding lifecycle.Finding) string {
	place := b.hostName(finding.Host)
	if finding.Account != "" {
		place = show(finding.Account) + "@" + place
	}
	if finding.Path != "" {
		place += " " + show(finding.Path)
	}
	if key := b.keys[finding.Fingerprint]; key != nil {
		place += " (" + key.Name + ")"
	}
	return place
}

func (b *building) addUnseen() {
	for _, unseen := range b.Inventory.Unseen {
		place := b.hostName(unseen.Host)
		if unseen.Account != "" {
			place = show(unseen.Account) + "@" + place
		}
		b.Report.Unseen = append(b.Report.Unseen, Unseen{place, show(unseen.What), show(unseen.Why), show(unseen.Remedy)})
	}
}

// order puts first what matters most.
func (b *building) order() {
	slices.SortStableFunc(b.Report.Keys, func(x, y *Key) int { return len(y.Doors) - len(x.Doors) })
	slices.SortStableFunc(b.Report.Hosts, func(x, y *Host) int { return y.Doors - x.Doors })
	slices.SortStableFunc(b.Doors, func(x, y *Door) int {
		switch {
		case x.Root() != y.Root() && x.Root():
			return -1
		case x.Root() != y.Root():
			return 1
		}
		return x.LastUsed.Compare(y.LastUsed)
	})
	done := map[*Key]bool{}
	for _, door := range b.Doors {
		door.first = !done[door.Key]
		done[door.Key] = true
	}
}
