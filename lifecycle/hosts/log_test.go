package hosts

import (
	"strings"
	"testing"
)

// TestHostKeyIn: a server cannot say that it is another one. ssh writes texts of the server
// as "debug1: Remote: …" with their line breaks, also before the host key.
func TestHostKeyIn(t *testing.T) {
	line := func(key string) string { return "debug1: Server host key: ssh-ed25519 SHA256:" + key + "\n" }
	lie := "debug1: Remote: hello\n"
	for name, c := range map[string]struct{ log, want string }{
		"one":                   {"debug1: x\n" + line("true"), "SHA256:true"},
		"the keys renewed":      {line("true") + "debug1: x\n" + line("true"), "SHA256:true"},
		"none":                  {"debug1: x\n", ""},
		"another one before":    {lie + line("victim") + line("true"), ""},
		"another one behind":    {line("true") + lie + line("victim"), ""},
		"the true one cut off":  {lie + line("victim") + strings.Repeat("x", maxLog), ""},
		"not at its beginning":  {"debug1: kex_exchange_identification: banner line 0: " + line("victim") + line("true"), "SHA256:true"},
		"a certificate besides": {line("true") + "debug1: Server host certificate: ssh-ed25519-cert-v01@openssh.com SHA256:true, serial 1\n", "SHA256:true"},
	} {
		if got := hostKeyIn(c.log); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
