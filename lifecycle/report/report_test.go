package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/lifecycle"
)

var taken = time.Date(2026, 11, 22, 14, 3, 0, 0, time.UTC)

// hostile is what a host, an account or a comment may be called by an attacker.
const hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{.}}\u202emoc\x1b[31m"

func fingerprint(name string) string {
	digest := sha256.Sum256([]byte(name))
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(digest[:])
}

// sample is an inventory like one of a real person, with an attacker's names in it.
func sample() lifecycle.Inventory {
	i := lifecycle.Inventory{Taken: taken, Machine: "laptop", User: "anna"}
	names := []string{"work-card", "id_rsa", "anna@old", "ci-deploy", "backup-7", "lab-tmp", "git-signing", hostile}
	types := []string{"ecdsa-sha2-nistp256", "ssh-rsa", "ssh-ed25519"}
	for n, name := range names {
		key := lifecycle.Key{Fingerprint: fingerprint(name), Type: types[n%3], Names: []string{name}}
		if n == 0 {
			key.Source = "piv"
		}
		i.Keys = append(i.Keys, key)
	}
	for n := range 42 {
		host := lifecycle.Host{Key: fmt.Sprint("SHA256:host", n), Name: fmt.Sprintf("web%d.example", n+1)}
		switch n {
		case 5:
			host.Name = "db1.example"
		case 12:
			host.Name = hostile
		}
		i.Hosts = append(i.Hosts, host)
		for k := range names {
			if (n*7+k*5)%(k+2) != 0 || k == 6 {
				continue
			}
			account := []string{"anna", "deploy"}[n%2]
			if (n+k)%17 == 0 {
				account = "root"
			}
			if n == 12 {
				account = hostile
			}
			i.Places = append(i.Places, lifecycle.Place{Host: host, Account: account, File: ".ssh/authorized_keys", Line: k + 1, Fingerprint: i.Keys[k].Fingerprint,
				Comment: i.Keys[k].Names[0], FileTime: taken.AddDate(0, -n%14, 0), Options: []string{`from="10.0.0.0/8"`, "restrict"}[:n%3%2*2]})
			if k == 0 || k == 3 || n%11 == 0 {
				for day := range 20 + n {
					at := taken.AddDate(0, 0, -(day*(k+2)%110)-k*k*k*3).Add(-time.Hour)
					i.Sightings = append(i.Sightings, lifecycle.Sighting{Source: lifecycle.FromServer, Fingerprint: i.Keys[k].Fingerprint, Host: host, Account: account,
						From: "10.0.4.7", First: at, Last: at, Count: 1 + day%3})
				}
			}
		}
		if n%5 != 4 {
			i.Watches = append(i.Watches, lifecycle.Watch{Source: lifecycle.FromServer, Host: host, Since: taken.AddDate(0, 0, -117+n%20), Until: taken})
		}
	}
	i.Sightings = append(i.Sightings, lifecycle.Sighting{Source: lifecycle.FromBroker, Fingerprint: i.Keys[1].Fingerprint, Host: i.Hosts[5], Program: "git",
		First: taken.AddDate(0, 0, -30), Last: taken.AddDate(0, 0, -10), Count: 60})
	i.Copies = []lifecycle.Copy{{Path: "/home/anna/.ssh/id_rsa", Fingerprint: i.Keys[1].Fingerprint, Clear: true, Mode: 0o600}}
	i.Claims = []lifecycle.Claim{{Fingerprint: i.Keys[0].Fingerprint, Owner: "Anna " + hostile}}
	i.Unseen = []lifecycle.Unseen{{Host: i.Hosts[9], What: "log", Why: "permission denied", Remedy: "join the group adm"},
		{Host: lifecycle.Host{Name: hostile}, Account: hostile, What: "authorized_keys", Why: hostile, Remedy: hostile}}
	i.Findings = []lifecycle.Finding{
		{Kind: "no-from", Row: 7, Severity: lifecycle.Info, Fingerprint: i.Keys[3].Fingerprint, Host: i.Hosts[0], Account: "anna", What: "line 4 lets the key in from every address (only 10.0.4.7 was ever seen)", Remedy: "keybroker provision ci-deploy anna@web1.example --from 10.0.4.7"},
		{Kind: "clear-private-key", Row: 10, Severity: lifecycle.Serious, Fingerprint: i.Keys[1].Fingerprint, Path: "/home/anna/.ssh/id_rsa", What: "the private key is in clear text", Remedy: "keybroker keys import ~/.ssh/id_rsa"},
		{Kind: "x", Row: 99, Severity: lifecycle.Warning, Fingerprint: hostile, Host: i.Hosts[12], Account: hostile, Path: hostile, What: hostile, Remedy: hostile},
	}
	return i
}

func TestHeadlineSaysSinceWhen(t *testing.T) {
	now = func() time.Time { return taken }
	t.Cleanup(func() { now = time.Now })
	host := lifecycle.Host{Name: "web1"}
	place := func(account string) lifecycle.Place {
		return lifecycle.Place{Host: host, Account: account, Fingerprint: "f"}
	}
	i := lifecycle.Inventory{Taken: taken, Places: []lifecycle.Place{place("anna"), place("bob"), place("root")},
		Sightings: []lifecycle.Sighting{{Source: lifecycle.FromServer, Fingerprint: "f", Host: host, Account: "bob", Last: taken}, {Source: lifecycle.FromProbe, Fingerprint: "f", Host: host, Account: "anna", Last: taken}}}
	for _, c := range []struct {
		watches []lifecycle.Watch
		want    string
	}{
		{nil, "Nobody has watched yet: 1 of 3 authorisations has a known use, and of the others nothing can be said"},
		{[]lifecycle.Watch{{Source: lifecycle.FromServer, Host: host, Since: taken.AddDate(0, 0, -118), Until: taken}}, "2 of 3 authorisations have no known use since we began to watch on 27 Jul"},
		{[]lifecycle.Watch{{Source: lifecycle.FromServer, Host: lifecycle.Host{Name: "web2"}, Since: taken.AddDate(-1, 0, 0), Until: taken}}, "0 of 3 authorisations have no known use since we began to watch on 22 Nov 2025; 2 more are not watched"},
		// A watch that ended says nothing of today.
		{[]lifecycle.Watch{{Source: lifecycle.FromServer, Host: host, Since: taken.AddDate(0, 0, -118), Until: taken.AddDate(0, 0, -2)}}, "0 of 3 authorisations have no known use since we began to watch on 27 Jul; 2 more are not watched"},
	} {
		i.Watches = c.watches
		if got := New(i).Headline; got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func html(t *testing.T, i lifecycle.Inventory) string {
	t.Helper()
	var b bytes.Buffer
	if err := New(i).HTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Names that others chose are text, wherever they stand: no tag, no attribute, no
// control or direction character comes of them.
func TestNothingOfOthersRuns(t *testing.T) {
	page := html(t, sample())
	for _, bad := range []string{"<img", "alert(1)</script>", "\u202e", "\x1b", "onerror=alert(2)>", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if !strings.Contains(page, `&lt;img src=x onerror=alert(2)&gt;`) {
		t.Error("the hostile name is not in the page at all")
	}
	if n := strings.Count(page, "<script"); n != 1 {
		t.Errorf("%d scripts", n)
	}
}

// The page has no address of another file in it, and the policy lets nothing be loaded.
func TestPageNeedsNothingElse(t *testing.T) {
	page := html(t, sample())
	for _, attribute := range regexp.MustCompile(`\s(?:src|href|action|style|on\w+)="?([^"\s>]*)`).FindAllStringSubmatch(regexp.MustCompile(`&[^;]*;`).ReplaceAllString(strings.ReplaceAll(page, "src=x onerror=alert(2)", ""), ""), -1) {
		if !strings.HasPrefix(attribute[1], "#key-") {
			t.Errorf("attribute %q", attribute[0])
		}
	}
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil || !strings.HasPrefix(policy[1], "default-src &#39;none&#39;; ") || strings.Contains(policy[1], "unsafe") {
		t.Fatal(policy)
	}
	for _, tag := range []string{"style", "script"} {
		text := regexp.MustCompile(`(?s)<` + tag + `>(.*?)</` + tag + `>`).FindStringSubmatch(page)
		if text == nil || !strings.Contains(strings.ReplaceAll(policy[1], "&#43;", "+"), sourceHash(text[1])) {
			t.Errorf("the policy does not let the page's own %s in", tag)
		}
	}
}

// Plots stay within their box, and every link in them leads to a row.
func TestPlotsFit(t *testing.T) {
	for name, i := range map[string]lifecycle.Inventory{"sample": sample(), "empty": {Taken: taken}, "many": many(3000)} {
		page := html(t, i)
		r := New(i)
		for title, plot := range map[string]Plot{"keys": r.KeysByUse(), "days": r.UsesByDay(), "hosts": r.HostsByKeys(), "routes": r.RoutesToRoot()} {
			for _, mark := range plot.Marks {
				if mark.X < -0.1 || mark.Y < -0.1 || mark.X+mark.Width > plot.Width+0.1 || mark.Y+mark.Height > plot.Height+0.1 {
					t.Errorf("%s, %s: %+v is outside of %v x %v", name, title, mark, plot.Width, plot.Height)
					break
				}
				if mark.Link != "" && len(i.Places) > 0 && strings.Contains(mark.Class, "cell") && !strings.Contains(page, `<tr id="`+mark.Link+`"`) {
					t.Errorf("%s, %s: no row %s", name, title, mark.Link)
				}
			}
		}
		for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1) {
			decoder := xml.NewDecoder(strings.NewReader(svg))
			for {
				if _, err := decoder.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%s: %v in %.200s", name, err, svg)
				}
			}
		}
	}
}

func many(n int) lifecycle.Inventory {
	i := lifecycle.Inventory{Taken: taken}
	for n := range n {
		i.Keys = append(i.Keys, lifecycle.Key{Fingerprint: fingerprint(fmt.Sprint(n)), Names: []string{fmt.Sprint("key", n)}})
		i.Places = append(i.Places, lifecycle.Place{Host: lifecycle.Host{Name: fmt.Sprint("host", n%200)}, Account: []string{"root", "a"}[n%2], Line: n, Fingerprint: i.Keys[n].Fingerprint})
	}
	return i
}
