package keys_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keybroker/keybroker/keys"
)

func TestNamed(t *testing.T) {
	type key struct{ name, fingerprint, comment string }
	work := key{"work", "SHA256:" + strings.Repeat("w", 43), "anna@laptop"}
	home := key{"home", "SHA256:" + strings.Repeat("h", 43), "anna@laptop"}
	added := key{"", "SHA256:" + strings.Repeat("a", 43), "work"} // chosen to look like the first
	only := key{"", "SHA256:" + strings.Repeat("o", 43), "only"}
	all := []key{added, work, home, only}
	for text, want := range map[string][]key{
		"work":                 {work},
		work.fingerprint:       {work},
		work.fingerprint[:27]:  {work},
		work.fingerprint[:26]:  nil, // too little: somebody could make such a key
		"only":                 {only},
		"anna@laptop":          {work, home},
		"":                     nil,
		"nobody":               nil,
		added.fingerprint:      {added},
		"SHA256:":              nil,
		work.fingerprint + "x": nil,
	} {
		got := keys.Named(all, text, func(k key) (string, string, string) { return k.name, k.fingerprint, k.comment })
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestIsFingerprint(t *testing.T) {
	const sum = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
	for text, want := range map[string]bool{
		"SHA256:" + sum: true, sum: false, "MD5:" + sum: false, "": false, "SHA256:": false,
		"SHA256:" + sum[1:]: false, "SHA256:" + sum + "A": false, "SHA256:" + sum + "=": false,
		"SHA256:" + sum + "\n": false, "SHA256:" + sum[:42] + "\n": false, "SHA256:" + sum[:42] + "-": false,
	} {
		if keys.IsFingerprint(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
