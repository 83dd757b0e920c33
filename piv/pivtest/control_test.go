package pivtest

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// do runs lines of commands on a bench and returns the answers.
func do(t *testing.T, b *Bench, lines ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := b.Work(strings.NewReader(strings.Join(lines, "\n")), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestBench(t *testing.T) {
	rig := NewRig(t)
	b := &Bench{Rig: rig, Slots: []*Slot{rig.Slot(0), rig.Slot(2)},
		Cards: []*Card{NewCard(t, YubiKey5()), NewCard(t, GovernmentPIV())}}
	card := b.Cards[0]
	want := strings.Repeat("ok\n", 8)
	if got := do(t, b, "insert", "1 insert", "provision 9a p384 never always", "identify", "tries 1 2", "", "touch-timeout 1ms", "delay 1ms", "reset-time 1ms"); got != want {
		t.Error(got)
	}
	if pin, puk := card.Tries(); pin != 1 || puk != 2 || card.GUID() == nil {
		t.Error(pin, puk, card.GUID())
	}
	if k := card.state.Slots[0x9a]; k.Algorithm != AlgP384 || k.PIN != PINNever || k.Touch != TouchAlways {
		t.Errorf("%+v", k)
	}
	if got := do(t, b, "short-only on", "exact-le on", "forget-pin", "die fd"); got != "ok\nok\nok\nok\n" {
		t.Error(got)
	}
	if k := card.knobs; !k.shortOnly || !k.exactLe || k.dieOn != insVersion || k.resetTime != time.Millisecond || !card.session.stale {
		t.Errorf("%+v", k)
	}
	for line, reason := range map[string]string{"touch": "does not wait", "delay soon": "invalid duration", "7 touch": "no such card",
		"nonsense": "no command", "die xyz": "invalid syntax", "log x": "no number", "provision 9a dsa": "algorithm 00",
		"tries 1": "invalid syntax", "pcscd up": "term, kill or start", "insert": "there is a card"} {
		if got := do(t, b, line); !strings.HasPrefix(got, "error: ") || !strings.Contains(got, reason) {
			t.Errorf("%s: %s", line, got)
		}
	}
	if got := do(t, b, "1 remove", "pcscd kill", "pcscd start", "log 1", "help"); strings.Count(got, "ok\n") != 5 || !strings.Contains(got, Help) {
		t.Error(got)
	}
	for n, inserted := range []bool{true, false} {
		var status struct {
			Inserted bool
			GUID     string
			PINTries int `json:"pin_tries"`
		}
		line, _, _ := strings.Cut(do(t, b, string(rune('0'+n))+" status"), "\n")
		if err := json.Unmarshal([]byte(line), &status); err != nil || status.Inserted != inserted || len(status.GUID) != 32 {
			t.Errorf("%v: %s", err, line)
		}
	}
}
