package config

import (
	"slices"
	"testing"
	"time"

	"github.com/keybroker/keybroker/agent/policy"
)

func TestSettingsThatAreReadAtStart(t *testing.T) {
	yes := true
	for _, test := range []struct {
		name   string
		change func(*Config)
		want   []string
	}{
		{"nothing", func(*Config) {}, nil},
		{"what a reload reads", func(c *Config) {
			c.Confirm.Remember = time.Hour
			c.Rules = []policy.Rule{{Name: "new"}}
			c.Sockets[0].Keys, c.Sockets[0].ReadOnly = []string{"work"}, &yes
		}, nil},
		{"single settings", func(c *Config) { c.Confirm.Timeout, c.PIV.Enabled = time.Hour, false }, []string{"confirm.timeout", "piv.enabled"}},
		{"a list", func(c *Config) { c.Session.Lock = nil }, []string{"session.lock"}},
		{"an empty list", func(c *Config) { c.Upstreams = []Upstream{} }, nil},
		{"another agent", func(c *Config) { c.Upstreams = []Upstream{{Name: "gpg"}} }, []string{"upstream"}},
		{"a socket's place", func(c *Config) { c.Sockets[0].Path = "/elsewhere" }, []string{"socket"}},
	} {
		before, after := Default(), Default()
		before.Sockets, after.Sockets = []Socket{{Name: "ai"}}, []Socket{{Name: "ai"}}
		test.change(&after)
		if got := before.ReadAtStart(after); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q; want %q", test.name, got, test.want)
		}
	}
}
