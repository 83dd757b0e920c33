//go:build linux

package chaos

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/keybroker/keybroker/agent/audit"
	"golang.org/x/crypto/ssh"
)

// check looks, after the load has ended, whether what must hold does: the chain is whole;
// each signature that a client got was decided and written down, once, as allowed, and
// for that key; none was made with the denied key; and with the key of which the person is
// asked no more than the person has allowed.
func (l *ledger) check(w *world) {
	w.t.Helper()
	if out, err := w.run("log", "verify"); err != nil {
		w.t.Errorf("log verify: %v: %s", err, out)
	}
	out, err := w.run("log", "export", "--format", "jsonl", "--all")
	if err != nil {
		w.t.Fatalf("log export: %v: %s", err, out)
	}
	allowed, reasons, err := signatures(out)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Log(reasons)
	made := map[string]int{}
	for digest, name := range l.delivered {
		records := allowed[digest]
		if len(records) != 1 || records[0] != ssh.FingerprintSHA256(w.keys[name]) {
			w.t.Errorf("a signature with the key %s has the records %v", name, records)
		}
		made[name]++
	}
	if made[denied] > 0 {
		w.t.Errorf("%d signatures with the key that a rule denies", made[denied])
	}
	answers, _ := os.ReadFile(filepath.Join(w.dir, "answers"))
	if said := strings.Count(string(answers), "\n"); made[asked] > said {
		w.t.Errorf("%d signatures for %d answers of the person", made[asked], said)
	}
	for _, name := range []string{sealed, added, asked} {
		if made[name] == 0 {
			w.t.Errorf("the key %s never signed, so this run shows nothing of it", name)
		}
	}
}

// signatures are the fingerprints of the keys in the records of allowed signatures, by
// digest, and a table of the reasons of those that were refused.
func signatures(lines string) (map[string][]string, string, error) {
	found, refused := map[string][]string{}, map[string]int{}
	for line := range strings.Lines(lines) {
		var r audit.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return nil, "", err
		}
		switch {
		case r.Op != "sign":
		case r.Decision == "allowed":
			found[r.Digest] = append(found[r.Digest], r.Key.Fingerprint)
		default:
			refused[r.Reason] += max(1, int(r.Repeats))
		}
	}
	var b strings.Builder
	b.WriteString("why signatures were refused:\n")
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		fmt.Fprintf(&b, "%6d  %s\n", refused[reason], reason)
	}
	return found, b.String(), nil
}
