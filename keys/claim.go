package keys

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/problem"
)

// MaxClaimText bounds each text of a Claim, in bytes.
const MaxClaimText = 256

// Claim is what a person says of a key: whose it is, what for, and until when it may be
// used. The zero Claim says nothing.
type Claim struct {
	Owner   string    `json:"owner,omitempty"`
	Purpose string    `json:"purpose,omitempty"`
	Ticket  string    `json:"ticket,omitempty"` // in the tracker of the organisation
	Expires time.Time `json:"expires,omitzero"` // from then on the key is refused; zero: never
	// Expired is when the broker first found that Expires was over. It holds even when
	// the clock is set back later.
	Expired time.Time `json:"expired,omitzero"`
}

// ClaimFields are the names of what a Claim can say, as in [lifecycle] require.
var ClaimFields = []string{"owner", "purpose", "expires", "ticket"}

// IsZero reports whether the claim says nothing.
func (c Claim) IsZero() bool { return c == Claim{} }

// Same reports whether two claims say the same.
func (c Claim) Same(other Claim) bool {
	return c.Owner == other.Owner && c.Purpose == other.Purpose && c.Ticket == other.Ticket &&
		c.Expires.Equal(other.Expires) && c.Expired.Equal(other.Expired)
}

// Check returns why the claim cannot be stored, or nil. Its texts are one line each, of
// what a person can see.
func (c Claim) Check() error {
	for _, text := range []struct{ name, value string }{{"owner", c.Owner}, {"purpose", c.Purpose}, {"ticket", c.Ticket}} {
		switch {
		case len(text.value) > MaxClaimText:
			return problem.With(fmt.Errorf("the %s has %d bytes, more than %d", text.name, len(text.value), MaxClaimText), "say it shorter")
		case platform.Escape(text.value, MaxClaimText) != text.value || strings.TrimSpace(text.value) != text.value:
			return problem.With(fmt.Errorf("the %s has characters that cannot be shown: %s", text.name, platform.Escape(text.value, 60)), "write it as one line of letters, digits and punctuation")
		}
	}
	return nil
}

// HasExpired reports whether the key may no longer be used at this time.
func (c Claim) HasExpired(now time.Time) bool {
	return !c.Expired.IsZero() || !c.Expires.IsZero() && !now.Before(c.Expires)
}

// Missing returns which of the required fields (ClaimFields) the claim does not say.
func (c Claim) Missing(required []string) []string {
	said := map[string]bool{"owner": c.Owner != "", "purpose": c.Purpose != "", "ticket": c.Ticket != "", "expires": !c.Expires.IsZero()}
	return slices.DeleteFunc(slices.Clone(required), func(field string) bool { return said[field] })
}

// Longer reports whether a key may be used longer by the claim next than by c.
func (c Claim) Longer(next Claim) bool {
	return !c.Expires.IsZero() && (next.Expires.IsZero() || next.Expires.After(c.Expires))
}

// String says everything in one line: "owner anna, expires 2027-05-20 23:59".
func (c Claim) String() string {
	var parts []string
	for _, text := range []struct{ name, value string }{{"owner", c.Owner}, {"purpose", c.Purpose}, {"ticket", c.Ticket}} {
		if text.value != "" {
			parts = append(parts, text.name+" "+text.value)
		}
	}
	if !c.Expires.IsZero() {
		parts = append(parts, "expires "+ClaimTime(c.Expires))
	}
	return strings.Join(parts, ", ")
}

// ClaimTime writes the end of a key for a person.
func ClaimTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
