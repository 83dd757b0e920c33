package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

// columns of the CSV. New ones are added at the end.
var columns = []string{"key", "fingerprint", "type", "owner", "host", "account", "where", "options", "comment", "there_since", "last_used", "last_used_by", "watched_since", "root", "findings"}

// CSV writes a row for each authorisation. Times are RFC 3339, empty if not known.
func (r *Report) CSV(out io.Writer) error {
	w := csv.NewWriter(out)
	rows := [][]string{columns}
	for _, d := range r.Doors {
		rows = append(rows, plainRow(d.Key.Name, d.Key.Fingerprint, d.Key.Type, d.Key.Owner, d.Host.Name, d.Account, d.Where, d.Options, d.Comment,
			stamp(d.Appeared), stamp(d.LastUsed), d.By, stamp(d.Watched), fmt.Sprint(d.Root()), count(d.Findings)))
	}
	return w.WriteAll(rows)
}

// plainRow has each cell plain, so that none is forgotten: an inventory may come from
// another machine, and then its fingerprints too are what that says.
func plainRow(cells ...string) []string {
	for i, cell := range cells {
		cells[i] = plain(cell)
	}
	return cells
}

// plain keeps a spreadsheet from taking a text of others for a formula.
func plain(text string) string {
	if strings.IndexAny(text, "=+-@\t\r") == 0 {
		return "'" + text
	}
	return text
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// Summary is the report in numbers.
type Summary struct {
	Taken          time.Time      `json:"taken"`
	Headline       string         `json:"headline"`
	WatchedSince   time.Time      `json:"watched_since,omitzero"`
	Keys           int            `json:"keys"`
	Hosts          int            `json:"hosts"`
	Authorisations int            `json:"authorisations"`
	Unused         int            `json:"unused"`      // watched, and no use is known
	NotWatched     int            `json:"not_watched"` // and no use is known
	Root           int            `json:"root"`        // authorisations of root
	Findings       map[string]int `json:"findings"`    // by severity
	Unseen         int            `json:"unseen"`
	ComparedWith   time.Time      `json:"compared_with,omitzero"` // when the earlier inventory was taken
	Gone           []Gone         `json:"gone,omitempty"`         // since then
}

// Summary counts.
func (r *Report) Summary() Summary {
	s := Summary{Taken: r.Taken, Headline: r.Headline, WatchedSince: r.Since, Keys: len(r.Keys), Hosts: len(r.Hosts), Authorisations: len(r.Doors),
		Unused: r.Unused, NotWatched: r.Unwatched, Findings: map[string]int{}, Unseen: len(r.Unseen)}
	if r.Compared != nil {
		s.ComparedWith, s.Gone = r.Compared.With, r.Compared.Gone
	}
	for _, door := range r.Doors {
		if door.Root() {
			s.Root++
		}
	}
	for _, finding := range r.Findings {
		s.Findings[finding.Severity]++
	}
	return s
}

// mostLines is how many findings Text shows.
const mostLines = 10

// Text writes what matters most for a terminal.
func (r *Report) Text(out io.Writer) error {
	s := r.Summary()
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n%s on %s; %s, %d of them as root; %s; inventory of %s\n", r.Headline, plural(s.Keys, "key"), plural(s.Hosts, "host"),
		plural(s.Authorisations, "authorisation"), s.Root, plural(len(r.Findings), "finding"), r.Taken.Local().Format("2006-01-02 15:04"))
	for n, finding := range r.Findings {
		if n == mostLines {
			fmt.Fprintf(&b, "\n… and %d more\n", len(r.Findings)-n)
			break
		}
		fmt.Fprintf(&b, "\n%-8s %s: %s\n", finding.Severity, finding.Where, finding.What)
		if finding.Remedy != "" {
			fmt.Fprintf(&b, "         %s\n", finding.Remedy)
		}
	}
	if r.Compared != nil {
		fmt.Fprintf(&b, "\n%s gone since the inventory of %s\n", plural(len(s.Gone), "door"), s.ComparedWith.Local().Format("2006-01-02 15:04"))
		for _, gone := range s.Gone {
			fmt.Fprintf(&b, "         %s: %s\n", gone.Where, gone.Key)
		}
	}
	if s.Unseen > 0 {
		fmt.Fprintf(&b, "\n%s could not be seen\n", plural(s.Unseen, "place"))
	}
	fmt.Fprintf(&b, "\nNext: keybroker report --html --out keys.html\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// UnusedRow is an authorisation of a fleet as a row of CSV: fingerprint, host, host key,
// account, where, options, comment, there since, last used, watched since.
func UnusedRow(place lifecycle.Place, last, watched time.Time) []string {
	return plainRow(show(place.Fingerprint), show(place.Host.String()), show(place.Host.Key), show(place.Account), where(place),
		show(strings.Join(place.Options, ",")), show(place.Comment), stamp(place.FirstSeen), stamp(last), stamp(watched))
}
