package audit

import "testing"

func TestDiscardKeepsNothing(t *testing.T) {
	log := Discard()
	record, err := log.Append(Record{ID: "x", Decision: Allowed})
	if err != nil || record.ID != "x" || record.Time.IsZero() || record.Seq != 0 || !log.Discards() {
		t.Errorf("%+v, %v", record, err)
	}
	kept, err := Open(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if kept.Discards() {
		t.Error("a log that was opened discards")
	}
}
