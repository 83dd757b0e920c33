package inventory

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/lifecycle"
	"github.com/keybroker/keybroker/platform"
)

// Row is one key as a table shows it.
type Row struct {
	Key, Opens, LastUsed, Findings string
}

// Rows are the keys that are held or open something, those with grave findings first.
// Texts that others chose are escaped.
func Rows(inv *lifecycle.Inventory) []Row {
	v := newView(inv)
	found := map[string][]lifecycle.Finding{}
	for _, f := range inv.Findings {
		found[f.Fingerprint] = append(found[f.Fingerprint], f)
	}
	shown := slices.DeleteFunc(slices.Clone(inv.Keys), func(key lifecycle.Key) bool {
		return !v.holder(key.Fingerprint) && len(v.places[key.Fingerprint]) == 0
	})
	slices.SortStableFunc(shown, func(a, b lifecycle.Key) int { return gravity(found[b.Fingerprint]) - gravity(found[a.Fingerprint]) })
	var rows []Row
	for _, key := range shown {
		rows = append(rows, Row{
			Key: Name(key) + "  " + describe(key), Opens: v.opens(key.Fingerprint),
			LastUsed: v.lastUsed(key.Fingerprint), Findings: brief(found[key.Fingerprint]),
		})
	}
	return rows
}

// gravity is 0 without findings that count.
func gravity(findings []lifecycle.Finding) int {
	gravest := lifecycle.Info
	for _, f := range findings {
		gravest = max(gravest, f.Severity)
	}
	return int(gravest)
}

// describe writes "RSA 2048", "ED25519", with the kind of its source before it.
func describe(key lifecycle.Key) string {
	name := strings.ToUpper(strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(key.Type, "@openssh.com"), "ssh-"), "ecdsa-sha2-"))
	name = strings.Replace(name, "NISTP", "P-", 1)
	if key.Type == "ssh-rsa" || key.Type == typeDSA {
		name = fmt.Sprintf("%s %d", strings.Replace(name, "DSS", "DSA", 1), key.Bits)
	}
	if key.Source != "" {
		name += ", " + key.Source
	}
	return platform.Escape(name, maxName)
}

func (v *view) opens(fingerprint string) string {
	if len(v.places[fingerprint]) == 0 {
		return ""
	}
	return openings(v.places[fingerprint])
}

// lastUsed writes when a key was last used and where, or since when it was watched.
func (v *view) lastUsed(fingerprint string) string {
	var last lifecycle.Sighting
	for _, s := range v.sightings[fingerprint] {
		if s.Source != lifecycle.FromProbe && s.Last.After(last.Last) {
			last = s
		}
	}
	if last.Count > 0 || !last.Last.IsZero() {
		return keys.Ago(v.inv.Taken, last.Last) + whereUsed(last)
	}
	watched, of, shortest := 0, 0, time.Duration(0)
	for _, place := range v.places[fingerprint] {
		of++
		if d := v.uses.WatchedFor(place, time.Time{}); d > 0 {
			if watched++; watched == 1 || d < shortest {
				shortest = d
			}
		}
	}
	switch {
	case watched == 0:
		return "not watched"
	case watched < of:
		return fmt.Sprintf("never (watched %s, %d of %d places)", days(shortest), watched, of)
	}
	return fmt.Sprintf("never (watched %s)", days(shortest))
}

func whereUsed(s lifecycle.Sighting) string {
	var where []string
	if name := s.Host.Name; name != "" {
		where = append(where, platform.Escape(name, maxName))
	}
	if s.Source == lifecycle.FromServer {
		where = append(where, "from "+platform.Escape(s.From, maxName)+" (its log)")
	}
	if s.Program != "" {
		where = append(where, "by "+platform.Escape(s.Program, maxName))
	}
	if len(where) == 0 {
		return ""
	}
	return ", " + strings.Join(where, " ")
}

func days(d time.Duration) string {
	if d < 24*time.Hour {
		return "less than a day"
	}
	return keys.Counted(int(d.Hours()/24), "day")
}

// brief joins the kinds of findings, with how often each was met.
func brief(findings []lifecycle.Finding) string {
	var kinds []string
	count := map[string]int{}
	for _, f := range findings {
		if f.Severity == lifecycle.Info {
			continue
		}
		if count[f.Kind]++; count[f.Kind] == 1 {
			kinds = append(kinds, f.Kind)
		}
	}
	for i, kind := range kinds {
		text := strings.ReplaceAll(kind, "-", " ")
		if n := count[kind]; n > 1 {
			text += fmt.Sprintf(" ×%d", n)
		}
		kinds[i] = text
	}
	return strings.Join(kinds, " · ")
}

// Where names the place of a finding; escaped.
func Where(f lifecycle.Finding) string {
	where := f.Host.String()
	if f.Account != "" && f.Host.Name != "" {
		where = f.Account + "@" + where
	}
	if f.Path != "" {
		where += ":" + f.Path
		if f.Host.Name == "" {
			where = f.Path
		}
	}
	if where == (lifecycle.Host{}).String() && f.Path == "" {
		where = ""
	}
	return platform.Escape(where, maxWhere)
}

// maxWhere bounds the place of a finding where it is shown.
const maxWhere = 200
