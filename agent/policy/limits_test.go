package policy

import (
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	minute, no := time.Minute, false
	owner := rulesIn(t, "[[rule]]\nname = \"owner\"\nkey = \"own\"\naction = \"allow\"\n[[rule]]\nkey = \"ask\"\naction = \"ask\"\nremember = \"1h\"")
	user := rulesIn(t, "[[rule]]\nname = \"user\"\nkey = \"work\"\naction = \"allow\"\n[[rule]]\nname = \"fwd\"\nforwarded = true\naction = \"ask\"\nremember = \"2h\"\n[[rule]]\nname = \"two\"\nkey = \"two\"\naction = \"ask\"\nremember = \"2h\"")
	with := func(l Limits) *Rules {
		return New(owner, user, Options{DefaultRemember: time.Hour, Limits: l}).WithViews(View{Name: "ai", Action: Allow})
	}
	free, limited := with(Limits{}), with(Limits{Allow: &no, Remember: &minute, AskFirst: AskFirstForwarded})
	for _, test := range []struct {
		key           string
		forwarded     bool
		socket        string
		before, after Decision // Action, Remember and AskFirst
	}{
		{key: "own", before: Decision{Action: Allow}, after: Decision{Action: Allow}},
		{key: "ask", before: Decision{Action: Ask, Remember: time.Hour}, after: Decision{Action: Ask, Remember: time.Hour}},
		{key: "work", before: Decision{Action: Allow}, after: Decision{Action: Ask}},
		{key: "two", before: Decision{Action: Ask, Remember: 2 * time.Hour}, after: Decision{Action: Ask, Remember: time.Minute}},
		{key: "none", before: Decision{Action: Ask, Remember: time.Hour}, after: Decision{Action: Ask, Remember: time.Minute}},
		{key: "work", forwarded: true, before: Decision{Action: Ask, Remember: 2 * time.Hour}, after: Decision{Action: Ask, Remember: time.Minute, AskFirst: true}},
		{key: "none", socket: "ai", before: Decision{Action: Allow}, after: Decision{Action: Ask}},
	} {
		u := login(t)
		u.Key, u.Destination.Forwarded, u.Socket = testKey(t, test.key), test.forwarded, test.socket
		for rules, want := range map[*Rules]Decision{free: test.before, limited: test.after} {
			if got := rules.Decide(u); got.Action != want.Action || got.Remember != want.Remember || got.AskFirst != want.AskFirst {
				t.Errorf("%s, forwarded %v, socket %q: %+v, want %+v", test.key, test.forwarded, test.socket, got, want)
			}
		}
	}
	if why := Widened(limited, free); len(why) != 3 {
		t.Errorf("without its limits: %q", why)
	}
	if why := Widened(free, limited); len(why) != 0 {
		t.Errorf("with limits: %q", why)
	}
}
