package cardkeys

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/piv"
	"github.com/keybroker/keybroker/platform"
)

func keeperAt(t *testing.T, file string) *keeper {
	t.Helper()
	k, err := openKeeper(file, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.close)
	return k
}

func tokenOf(t *testing.T, serial uint32) *piv.Token {
	t.Helper()
	proof := slotOf(t, piv.SlotCardAuthentication, "", noon)
	proof.PIN, proof.Touch = piv.PINNever, piv.TouchNever
	return &piv.Token{ID: fmt.Sprintf("serial:%d", serial), Kind: piv.KindYubiKey, Serial: serial,
		Slots: []piv.SlotInfo{slotOf(t, piv.SlotAuthentication, "", noon), proof}}
}

func TestCardsAreRememberedOverARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "cards.json")
	k, err := openKeeper(file, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	token := tokenOf(t, 7)
	k.seen(token, nil)
	k.close()
	again := keeperAt(t, file).cards()
	if len(again) != 1 || again[0].ID != token.ID || again[0].Name != "YubiKey 7" || len(again[0].Keys) != 2 ||
		again[0].Keys[0].Slot != piv.SlotAuthentication || again[0].Proof == "" {
		t.Errorf("%+v", again)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `"slot": "9a"`) {
		t.Errorf("%v: %s", err, text)
	}
}

// A card with a known number cannot replace the proof that it is asked for.
func TestTheProofIsKept(t *testing.T) {
	k := keeperAt(t, "")
	k.seen(tokenOf(t, 7), nil)
	first, _ := k.find("serial:7")
	k.seen(tokenOf(t, 7), nil)
	second, _ := k.find("serial:7")
	if first.Proof == "" || first.Proof != second.Proof {
		t.Error("another card authentication key took its place")
	}
	if first.Keys[0].PublicKey == second.Keys[0].PublicKey {
		t.Error("the keys of the card are not those that it has now")
	}
	if !k.forget("serial:7") || k.forget("serial:7") {
		t.Error("forgotten not once")
	}
	k.seen(tokenOf(t, 7), nil)
	if third, _ := k.find("serial:7"); third.Proof == first.Proof {
		t.Error("a card that was forgotten is not met anew")
	}
}

// A card may be pulled before all of its slots have been read.
func TestACardIsRememberedWhileItIsRead(t *testing.T) {
	whole := tokenOf(t, 7)
	part := *whole
	part.Reading, part.Slots = true, whole.Slots[:1]
	k := keeperAt(t, "")
	k.seen(&piv.Token{ID: whole.ID, Serial: 7, Reading: true}, nil)
	if len(k.cards()) != 0 {
		t.Error("a card is remembered before its first key is read")
	}
	k.seen(&part, nil)
	if record, _ := k.find(whole.ID); len(record.Keys) != 1 || record.Proof != "" {
		t.Errorf("the first slot is read: %+v", record)
	}
	k.seen(whole, nil)
	k.seen(&part, nil)
	if record, _ := k.find(whole.ID); len(record.Keys) != 2 || record.Proof == "" {
		t.Errorf("all of it was read before: %+v", record)
	}
	part.ID, part.GUID = "guid:other", [16]byte{1}
	k.seen(&part, nil)
	if len(k.cards()) != 1 {
		t.Error("a part of a card with another number took a place beside the whole one")
	}
}

func TestTheOldestCardIsDropped(t *testing.T) {
	k := keeperAt(t, "")
	for serial := range uint32(maxRemembered + 1) {
		k.seen(tokenOf(t, serial+1), nil)
	}
	if _, ok := k.find("serial:1"); ok || len(k.cards()) != maxRemembered {
		t.Errorf("%d cards, the oldest one: %v", len(k.cards()), ok)
	}
	k.seen(&piv.Token{}, nil) // no number: nothing to know it by
	if len(k.cards()) != maxRemembered {
		t.Error("a card without a number is remembered")
	}
}

func TestBrokenFileOfCards(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cards.json")
	good := `[{"id":"serial:7","name":"YubiKey 7","keys":[
		{"slot":"9a","public_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJtZFmdiJlGRZ0EWp8bNQ0uAXd1WIs4Ya6dDJdPzqOAL"},
		{"slot":"9c","public_key":"rubbish"}]}]`
	if err := os.WriteFile(file, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if cards := keeperAt(t, file).cards(); len(cards) != 1 || len(cards[0].Keys) != 1 {
		t.Errorf("%+v", cards)
	}
	for _, bad := range []string{"{", `[{"keys":[{"slot":"77"}]}]`, strings.Repeat(" ", maxFile+1)} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openKeeper(file, slog.Default()); err == nil || !strings.Contains(platform.Text(err), "remove the file: "+file) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

// A YubiKey that was reset has another number: what it held is not waited for. One
// that only says to be it cannot drop the proof of the real one.
func TestAResetYubiKeyIsOneCard(t *testing.T) {
	for _, proof := range []string{"", "ssh-ed25519 AAAA"} {
		k := keeperAt(t, "")
		before := tokenOf(t, 7)
		before.ID = "guid:before"
		k.seen(before, nil)
		k.records[0].Proof = proof
		after := tokenOf(t, 7)
		after.ID = "serial:7"
		k.seen(after, nil)
		if _, kept := k.find("guid:before"); kept != (proof != "") {
			t.Errorf("with the proof %q: kept %v", proof, kept)
		}
	}
}
