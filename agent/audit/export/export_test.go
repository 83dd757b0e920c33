package export

import (
	"bytes"
	"encoding/csv"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/wire"
)

// hostile is what a program might choose to end an entry, or to begin another field.
const hostile = "a\nb\r\n<1>1 - CEF:0|x|\\n|= ]\" MESSAGE=x\x00\x1b[2J\u2028\u202eä,'\"=1+1"

// record has the text everywhere where a program or a host chooses it.
func record(text string) audit.Record {
	return audit.Record{Seq: 7, Time: time.Date(2026, 11, 27, 12, 0, 0, 123456789, time.UTC), ID: "ABCDEFGH", Op: keys.OpSign, Decision: audit.Refused,
		Reason: text, Rule: text, Remedy: text, Grant: text, Socket: text, Repeats: 3, Digest: "d", Hash: "h", Prev: "p",
		Key:         &audit.Key{Fingerprint: "SHA256:x", Name: text, Comment: text, Type: text},
		Peer:        &audit.Peer{User: "1000", PID: 42, Program: text, Exe: text},
		Purpose:     &wire.Purpose{Kind: wire.KindLogin, User: text, Namespace: text},
		Destination: &keys.Destination{Trust: keys.TrustClaimed, Claimed: text},
	}
}

func exported(t *testing.T, format string, records ...audit.Record) string {
	t.Helper()
	var out bytes.Buffer
	w, err := New(format, &out, Source{Host: "box\nhost", Version: "1|2", BootID: strings.Repeat("0", 32), Enterprise: ExampleEnterprise})
	if err == nil {
		err = w.Head()
	}
	for _, r := range records {
		if err == nil {
			err = w.Record(r)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Each record is one entry, whatever its texts.
func TestNoTextEndsAnEntry(t *testing.T) {
	plain, nasty := record("plain"), record(hostile)
	for _, format := range Formats {
		a, b := exported(t, format, plain, plain), exported(t, format, nasty, nasty)
		if strings.Count(a, "\n") != strings.Count(b, "\n") {
			t.Errorf("%s: %d lines, and %d with hostile texts:\n%s", format, strings.Count(a, "\n"), strings.Count(b, "\n"), b)
		}
		if strings.ContainsAny(strings.ReplaceAll(b, "\r\n", "\n"), "\x00\x1b\r\u2028\u202e") {
			t.Errorf("%s: what cannot be shown is left: %q", format, b)
		}
	}
}

func TestCSV(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(exported(t, CSV, record(hostile), record("=cmd()")))).ReadAll()
	if err != nil || len(rows) != 3 || len(rows[1]) != len(columns) {
		t.Fatalf("%v, %q", err, rows)
	}
	for i, cell := range rows[2] {
		if strings.HasPrefix(cell, "=") {
			t.Errorf("column %s is a formula: %s", columns[i], cell)
		}
	}
	if rows[1][0] != "7" || rows[1][6] != `a\x0ab\x0d\x0a<1>1 - CEF:0|x|\n|= ]" MESSAGE=x\x00\x1b[2J\u2028\u202eä,'"=1+1` {
		t.Errorf("%q", rows[1])
	}
}

// cefFields reads an event by the rules of the format: it begins with seven fields that
// pipes end, and then has key=value where only "\=" is an equals sign of a value.
func cefFields(t *testing.T, event string) (header []string, fields map[string]string) {
	t.Helper()
	rest := event
	for range 7 {
		end := regexp.MustCompile(`(^|[^\\])(\\\\)*\|`).FindStringIndex(rest)
		if end == nil {
			t.Fatalf("no header: %s", event)
		}
		header = append(header, strings.NewReplacer(`\\`, `\`, `\|`, `|`).Replace(rest[:end[1]-1]))
		rest = rest[end[1]:]
	}
	fields = map[string]string{}
	starts := regexp.MustCompile(`(^| )([A-Za-z0-9]+)=`).FindAllStringSubmatchIndex(rest, -1)
	for i, start := range starts {
		end := len(rest)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		key := rest[start[4]:start[5]]
		if _, twice := fields[key]; twice {
			t.Errorf("%s is there twice: %s", key, event)
		}
		value := rest[start[1]:end]
		if regexp.MustCompile(`(^|[^\\])(\\\\)*=`).MatchString(value) {
			t.Errorf("%s: an equals sign is not escaped: %s", key, value)
		}
		fields[key] = strings.NewReplacer(`\\`, `\`, `\=`, `=`).Replace(value)
	}
	return header, fields
}

func TestCEF(t *testing.T) {
	header, fields := cefFields(t, strings.TrimSuffix(exported(t, CEF, record(`x act=allowed cs1=\| y`)), "\n"))
	if strings.Join(header, "~") != "CEF:0~keybroker~keybroker~1|2~sign-refused~Use of an SSH key refused~6" {
		t.Errorf("%q", header)
	}
	for key, want := range map[string]string{
		"act": "refused", "outcome": "failure", "rt": "1795780800123", "externalId": "7", "suid": "1000", "spid": "42", "cnt": "3",
		"cs1Label": "rule", "cs1": `x act=allowed cs1=\| y`, "sproc": `x act=allowed cs1=\| y`, "cs2": "SHA256:x", "cs6": "h", "dvchost": `box\x0ahost`,
	} {
		if fields[key] != want {
			t.Errorf("%s is %q, want %q", key, fields[key], want)
		}
	}
}

func TestSyslog(t *testing.T) {
	line := exported(t, Syslog, record(`q" b\ c]`))
	const header = `<84>1 2026-11-27T12:00:00.123456Z box\x0ahost keybroker - sign [meta sequenceId="7"][keybroker@32473 seq="7" id="ABCDEFGH" decision="refused" rule="q\" b\\ c\]"`
	if !strings.HasPrefix(line, header) {
		t.Errorf("%s\nwant %s", line, header)
	}
	if !strings.Contains(line, ` hash="h"] sign refused: key q" b\ c]`) {
		t.Errorf("no message: %s", line)
	}
	if !strings.Contains(exported(t, Syslog, record("ä")), "] \ufeffsign") {
		t.Error("a message in UTF-8 does not begin with its mark")
	}
}

func TestSeverity(t *testing.T) {
	for want, r := range map[int]audit.Record{
		4: {Op: keys.OpSign, Decision: audit.Refused}, 5: {Op: keys.OpReload, Decision: audit.Allowed}, 6: {Op: keys.OpSign, Decision: audit.Allowed},
	} {
		if got := severity(r); got != want {
			t.Errorf("%s %s: %d, want %d", r.Op, r.Decision, got, want)
		}
	}
	if got := severity(audit.Record{Decision: audit.Note}); got != 5 {
		t.Errorf("a note: %d", got)
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := New("xml", nil, Source{}); err == nil || err.Error() != `unknown format "xml"` {
		t.Error(err)
	}
}

// Every text is escaped: a field that all leaves out would not be.
func TestAllFactsAreEscaped(t *testing.T) {
	f := factsOf(record("\x1b"))
	if n := strings.Count(strings.Join([]string{f.rule, f.reason, f.remedy, f.grant, f.key, f.comment, f.keyType, f.program, f.exe, f.socket, f.account, f.host}, ""), `\x1b`); n != 12 {
		t.Errorf("%d of 12 are escaped: %+v", n, f)
	}
}
