package confirm

import (
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// A prompter's mistake allows nothing that was not offered.
func TestClampBurst(t *testing.T) {
	answer := Answer{Verdict: AllowBurst, For: time.Hour, Reason: "allowed by the person"}
	if a := clamp(answer, Question{Burst: &Burst{}}); a.Verdict != AllowBurst || a.For != 0 {
		t.Errorf("%+v", a)
	}
	answer.Hosts = []keys.Host{{Fingerprint: "SHA256:x"}} // which are not a prompter's to choose
	if a := clamp(answer, Question{Burst: &Burst{}}); a.Hosts != nil {
		t.Errorf("%+v", a)
	}
	if a := clamp(answer, Question{Remember: time.Hour}); a.Verdict != Deny {
		t.Errorf("%+v", a)
	}
}
