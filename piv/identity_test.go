package piv

import (
	"testing"

	"github.com/keybroker/keybroker/piv/pivtest"
)

// A number that is garbled on the way is read again.
func TestAGarbledNumberIsReadAgain(t *testing.T) {
	for times := range 2 {
		card := newCard(t, pivtest.GovernmentPIV())
		card.Garble(uint32(objectCHUID), times)
		token := must1(selected(t, card).Describe(t.Context()))(t)
		if token.GUID != GUID(card.GUID()) {
			t.Errorf("garbled %d times: %s", times, token.GUID)
		}
	}
}
