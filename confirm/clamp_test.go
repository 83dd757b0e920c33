package confirm

import (
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
)

// A mistake of the prompter allows nothing that was not offered.
func TestClampBurst(t *testing.T) {
	answer := Answer{Verdict: AllowBurst, For: time.Hour, Reason: "allowed by the person"}
	if a := clamp(answer, Question{Burst: &Burst{}}); a.Verdict != AllowBurst || a.For != 0 {
		t.Errorf("%+v", a)
	}
	answer.Hosts = []keys.Host{{Fingerprint: "SHA256:x"}} // the prompter must not choose hosts
	if a := clamp(answer, Question{Burst: &Burst{}}); a.Hosts != nil {
		t.Errorf("%+v", a)
	}
	if a := clamp(answer, Question{Remember: time.Hour}); a.Verdict != Deny {
		t.Errorf("%+v", a)
	}
}
