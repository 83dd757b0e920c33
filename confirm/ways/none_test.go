package ways

import (
	"strings"
	"testing"

	"github.com/keybroker/keybroker/confirm"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/wire"
)

// The remedy of prompt = "none" is the missing rule, no wider than the use.
func TestRuleFor(t *testing.T) {
	use := &keys.Use{Key: keys.Info{Name: "work", Fingerprint: "SHA256:x"}, Purpose: wire.Purpose{Kind: wire.KindLogin, User: "git"},
		Destination: keys.Destination{Trust: keys.TrustVerified, Forwarded: true, Host: keys.Host{Names: []string{"git.example.com"}}}}
	_, err := None{why: `prompt = "none"`, wanted: true}.Ask(t.Context(), confirm.Question{Use: use})
	want := `[[rule]], key = "work", host = "git.example.com", user = "git", purpose = "login", forwarded = true, action = "allow"`
	if err == nil || !strings.Contains(platform.Text(err), want) {
		t.Errorf("%v; want %s", err, want)
	}
	use.Destination.Trust, use.Destination.Claimed = keys.TrustClaimed, "git.example.com"
	if text := ruleFor(use); strings.Contains(text, "host =") {
		t.Errorf("a rule for an unverified host: %s", text)
	}
}
