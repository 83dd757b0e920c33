package audittest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/audit"
)

// What is measured is a real log.
func TestGenerate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	until := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	if err := Generate(Log{Dir: dir, Records: 1000, Until: until, Every: 2 * time.Minute, Keys: 3, Hosts: 7}); err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(dir)
	if err != nil || report.Bad != nil || report.Records != 1000 || len(report.Files) != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	usage, err := audit.Usage(t.Context(), dir)
	if u := usage[Fingerprint("key", 1)]; err != nil || len(usage) != 3 || u.Count < 100 || len(u.Hosts) != 7 {
		t.Errorf("%+v, %v", u, err)
	}
	for r, err := range audit.Read(dir, audit.Filter{IDs: []string{ID(99)}}) {
		if err != nil || r.Seq != 100 || r.Decision != audit.Refused || r.Remedy == "" {
			t.Errorf("%+v, %v", r, err)
		}
	}
}
