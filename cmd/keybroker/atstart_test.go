package main

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
		change func(*config)
		want   []string
	}{
		{"nothing", func(*config) {}, nil},
		{"what a reload reads", func(c *config) {
			c.Confirm.Remember = time.Hour
			c.Rules = []policy.Rule{{Name: "new"}}
			c.Sockets[0].Keys, c.Sockets[0].ReadOnly = []string{"work"}, &yes
		}, nil},
		{"single settings", func(c *config) { c.Confirm.Timeout, c.PIV.Enabled = time.Hour, false }, []string{"confirm.timeout", "piv.enabled"}},
		{"a list", func(c *config) { c.Session.Lock = nil }, []string{"session.lock"}},
		{"an empty list", func(c *config) { c.Upstreams = []upstreamConfig{} }, nil},
		{"another agent", func(c *config) { c.Upstreams = []upstreamConfig{{Name: "gpg"}} }, []string{"upstream"}},
		{"a socket's place", func(c *config) { c.Sockets[0].Path = "/elsewhere" }, []string{"socket"}},
	} {
		before, after := defaultConfig(), defaultConfig()
		before.Sockets, after.Sockets = []socketConfig{{Name: "ai"}}, []socketConfig{{Name: "ai"}}
		test.change(&after)
		if got := before.readAtStart(after); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q; want %q", test.name, got, test.want)
		}
	}
}
