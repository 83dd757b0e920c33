package control

import (
	"testing"
	"time"

	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
)

func TestAnnotation(t *testing.T) {
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	owner, none := "anna", ""
	expired := keys.Claim{Owner: "eve", Ticket: "T", Expires: noon, Expired: noon.Add(time.Minute)}
	at := func(t time.Time) *time.Time { return &t }
	for name, c := range map[string]struct {
		change Annotation
		want   keys.Claim
	}{
		"nothing":                {Annotation{}, expired},
		"owner, and no ticket":   {Annotation{Owner: &owner, Ticket: &none}, keys.Claim{Owner: "anna", Expires: noon, Expired: expired.Expired}},
		"earlier: still expired": {Annotation{Expires: at(noon.Add(-time.Hour))}, keys.Claim{Owner: "eve", Ticket: "T", Expires: noon.Add(-time.Hour), Expired: expired.Expired}},
		"later":                  {Annotation{Expires: at(noon.Add(time.Hour))}, keys.Claim{Owner: "eve", Ticket: "T", Expires: noon.Add(time.Hour)}},
		"no end":                 {Annotation{Expires: at(time.Time{})}, keys.Claim{Owner: "eve", Ticket: "T"}},
		"in another zone, UTC":   {Annotation{Expires: at(noon.Add(time.Hour).In(time.FixedZone("", 3600)))}, keys.Claim{Owner: "eve", Ticket: "T", Expires: noon.Add(time.Hour)}},
	} {
		if got := c.change.Apply(expired); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	b := new(broker)
	client, _ := serve(t, b, platform.SameUser)
	if claims, err := client.Claims(t.Context()); err != nil || claims[0].Fingerprint != "F" {
		t.Errorf("%+v, %v", claims, err)
	}
	if claim, err := client.Annotate(t.Context(), Annotation{Fingerprint: "F", Owner: &owner}); err != nil || claim.Owner != "anna" || claim.Fingerprint != "F" {
		t.Errorf("%+v, %v", claim, err)
	}
}
