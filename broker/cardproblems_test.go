package broker

import (
	"strings"
	"testing"

	"github.com/keybroker/keybroker/agent/control"
)

func TestAHeldCardIsAProblem(t *testing.T) {
	for _, held := range []bool{true, false} {
		problems := cardProblems(control.Cards{Service: "running", Cards: []control.Card{{Name: "YubiKey 7", In: true, HeldOpen: held}}})
		told := len(problems) == 1 && strings.HasPrefix(problems[0].Error(), "the PIN of YubiKey 7 cannot be taken back: another program holds the card")
		if told != held || !held && len(problems) > 0 {
			t.Errorf("held: %v: %v", held, problems)
		}
	}
}
