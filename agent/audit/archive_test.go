package audit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestArchive(t *testing.T) {
	dir, to := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "old")
	threeMonths(t, dir)
	whole, err := Verify(dir)
	must(t, err)
	moved, err := Archive(dir, to, "2026-12") // the newest month stays all the same
	if err != nil || !slices.Equal(moved, []string{"2026-09", "2026-10"}) {
		t.Fatalf("moved %v, %v", moved, err)
	}
	if moved, err := Archive(dir, to, "2026-12"); err != nil || len(moved) != 0 {
		t.Errorf("once more: moved %v, %v", moved, err)
	}
	together, err := VerifyWith([]string{to})(dir)
	if err != nil || together.Bad != nil || together.Records != whole.Records || together.Head.Hash != whole.Head.Hash {
		t.Errorf("together: %+v, %v", together, err)
	}
	alone, err := Verify(dir)
	if err != nil || alone.Bad == nil || !strings.Contains(alone.Bad.Why, "begins with record 7: what was before it is missing") {
		t.Errorf("alone: %+v, %v", alone.Bad, err)
	}

	// A head that somebody else has kept of the last record before is as good.
	before, err := Verify(to)
	must(t, err)
	kept := Witnessed{Head: before.Head, By: "the journal"}
	anchored, err := Verify(dir, kept)
	if err != nil || anchored.Bad != nil || anchored.Removed != 6 || anchored.Witnessed != 1 {
		t.Errorf("with its head: %+v, %v", anchored, err)
	}
	kept.Hash = strings.Repeat("1", 64)
	if wrong, err := Verify(dir, kept); err != nil || wrong.Bad == nil || wrong.Removed != 0 {
		t.Errorf("with another head: %+v, %v", wrong, err)
	}
	kept = Witnessed{Head: Head{Seq: 5, Hash: before.Head.Hash}, By: "the journal"}
	if earlier, err := Verify(dir, kept); err != nil || earlier.Bad == nil {
		t.Errorf("with the head of an earlier record: %+v, %v", earlier, err)
	}

	// What was changed in the archive shows.
	path := filepath.Join(to, "audit-2026-10.jsonl")
	must(t, os.WriteFile(path, []byte(strings.Replace(string(contents(t, path)), `"allowed"`, `"refused"`, 1)), fileMode))
	if changed, err := VerifyWith([]string{to})(dir); err != nil || changed.Bad == nil || changed.Bad.File != path {
		t.Errorf("changed: %+v, %v", changed.Bad, err)
	}
}

func TestArchiveLosesNothing(t *testing.T) {
	dir, to := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "old")
	threeMonths(t, dir)
	const september = "audit-2026-09.jsonl"
	must(t, os.Mkdir(to, dirMode))
	must(t, os.WriteFile(filepath.Join(to, september), []byte("another log\n"), fileMode))
	if moved, err := Archive(dir, to, "2026-11"); err == nil || len(moved) != 0 || !strings.Contains(err.Error(), "is not the same as") {
		t.Errorf("over another file: %v, %v", moved, err)
	}
	if report, err := Verify(dir); err != nil || report.Bad != nil {
		t.Errorf("the log: %+v, %v", report.Bad, err)
	}
	// An earlier call was interrupted between the copy and the removal.
	must(t, os.WriteFile(filepath.Join(to, september), contents(t, filepath.Join(dir, september)), fileMode))
	if moved, err := Archive(dir, to, "2026-10"); err != nil || !slices.Equal(moved, []string{"2026-09"}) {
		t.Errorf("after an interruption: %v, %v", moved, err)
	}
	for _, bad := range []struct{ to, before, why string }{
		{dir, "2026-11", "own directory"}, {to, "may", "not a month"}, {to, "2026-1", "not a month"},
	} {
		if _, err := Archive(dir, bad.to, bad.before); err == nil || !strings.Contains(err.Error(), bad.why) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
