package pivtest

import (
	"strings"
	"testing"
	"time"
)

// inside runs an APDU while the card is held up by something.
func inside(t *testing.T, c *Card, apdu string) <-chan string {
	t.Helper()
	answer := make(chan string, 1)
	go func() { answer <- send(t, c, apdu) }()
	return answer
}

func touchCard(t *testing.T, policy byte) (*Card, string) {
	c := loose(t, YubiKey5())
	provisioned(t, c, 0x9a, AlgP256, Policy{PIN: PINNever, Touch: policy})
	send(t, c, selectPIV)
	return c, "0087119a26" + digest
}

// TestTouch: the card waits for a touch, then signs; without one it says 6982.
func TestTouch(t *testing.T) {
	c, sign := touchCard(t, TouchAlways)
	if c.Touch() {
		t.Error("a touch that nobody asked for counts")
	}
	for range 2 {
		answer := inside(t, c, sign)
		waitFor(t, "the touch", c.WaitsForTouch)
		if pin, _ := c.Tries(); pin != 3 {
			t.Error("the card does not tell its tries while it waits")
		}
		if !c.Touch() || !strings.HasSuffix(<-answer, "9000") {
			t.Error("not signed after the touch")
		}
	}
	c.TouchTimeout(time.Millisecond)
	expect(t, c, sign+" = 6982")
	if n := c.Counts().Signatures; n != 2 {
		t.Errorf("%d signatures", n)
	}
}

// TestTouchCached: one touch is for 15 seconds.
func TestTouchCached(t *testing.T) {
	c, sign := touchCard(t, TouchCached)
	answer := inside(t, c, sign)
	waitFor(t, "the touch", c.WaitsForTouch)
	c.Touch()
	if got := <-answer; !strings.HasSuffix(got, "9000") {
		t.Error(got)
	}
	c.TouchTimeout(time.Millisecond)
	expect(t, c, sign+" = 9000")
	c.touched = time.Now().Add(-touchCache)
	expect(t, c, sign+" = 6982")
}

// TestPulledAtWork: pulling ends a wait for a touch and a slow answer.
func TestPulledAtWork(t *testing.T) {
	c, sign := touchCard(t, TouchAlways)
	answer := inside(t, c, sign)
	waitFor(t, "the touch", c.WaitsForTouch)
	c.PowerOff()
	if got := <-answer; got != ErrRemoved.Error() {
		t.Error(got)
	}
	c.PowerOn()
	c.Slow(time.Hour)
	before := c.Counts().APDUs
	answer = inside(t, c, selectPIV)
	waitFor(t, "the APDU", func() bool { return c.Counts().APDUs > before })
	c.PowerOff()
	if got := <-answer; got != ErrRemoved.Error() {
		t.Error(got)
	}
	c.PowerOn()
	c.Slow(0)
	expect(t, c, selectPIV+" = 9000")
}

func TestDieOn(t *testing.T) {
	c := loose(t, YubiKey5())
	c.DieOn(insVersion)
	expect(t, c, selectPIV+" = 9000")
	if got := send(t, c, "00fd000000"); got != ErrRemoved.Error() {
		t.Error(got)
	}
	c.PowerOn()
	expect(t, c, selectPIV+" = 9000\n00fd000000 = 9000")
	c.DieOn(0)
	if got := send(t, c, selectPIV); got != ErrRemoved.Error() {
		t.Error(got)
	}
}

// TestLog: PINs and keys are not in it, all else is.
func TestLog(t *testing.T) {
	c := loose(t, YubiKey5())
	expect(t, c, selectPIV+" = 9000\n"+rightPIN+" = 9000\n00fd000000 = 9000")
	log := strings.Join(c.Log(), "\n")
	wants(t, log, "> "+selectPIV, "> 0020008008 (8 bytes)\n< 9000", "< 050701 9000")
	if strings.Contains(log, "313233343536") {
		t.Error("the PIN is in the log:\n" + log)
	}
	for range maxLog {
		send(t, c, "00fd000000")
	}
	if n := len(c.Log()); n > maxLog {
		t.Errorf("%d lines", n)
	}
}

func TestAnswersThatAreSet(t *testing.T) {
	c := loose(t, YubiKey5())
	send(t, c, selectPIV)
	if got := send(t, c, "00f7009a00"); got != "6a88" {
		t.Errorf("an empty slot: %s", got)
	}
	c.EmptyMetadata(swOK)
	if got := send(t, c, "00f7009a00"); got != "020200000301009000" {
		t.Errorf("an empty slot that is told so: %s", got)
	}
	c.Answer(0xf7, 0x9a, []byte{0x6a, 0x86})
	if got := send(t, c, "00f7009a00"); got != "6a86" {
		t.Errorf("an answer that is set: %s", got)
	}
	c.Answer(0xf7, 0x9a, nil)
	if got := send(t, c, "00f7009a00"); got == "6a86" {
		t.Error("the answer stays")
	}
}

// The card does what it was told before it dies.
func TestDieAfter(t *testing.T) {
	c := loose(t, YubiKey5())
	send(t, c, selectPIV)
	c.DieAfter(0x20)
	if _, err := c.Transmit([]byte{0, 0x20, 0, 0x80, 8, '0', '0', '0', '0', '0', '0', 0xff, 0xff}); err != ErrRemoved {
		t.Error(err)
	}
	if pin, _ := c.Tries(); pin != 2 {
		t.Errorf("%d tries", pin)
	}
}
