package keys

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestBothClocks: sleep stops one clock, and setting the time moves the other. The end
// that comes first counts.
func TestBothClocks(t *testing.T) {
	now := time.Now() // with a monotonic reading
	for _, test := range []struct {
		monotonic, wall time.Duration
		expired         bool
	}{{time.Hour, time.Hour, false}, {time.Hour, -1, true}, {-1, time.Hour, true}, {0, 0, true}} {
		active := ActiveLimits{end: now.Add(test.monotonic), wall: now.Add(test.wall).Round(0), over: new(atomic.Bool)}
		if active.Expired(now) != test.expired {
			t.Errorf("%+v", test)
		}
	}
}

func TestLimitsOfAKey(t *testing.T) {
	now := time.Now()
	to := []DestinationConstraint{{To: Hop{Host: "box"}}}
	info := Info{Confirm: true, Expires: now, Destinations: to} // of the time before
	Limits{}.Begin(now).Mark(&info)
	if info.Confirm || !info.Expires.IsZero() || info.Destinations != nil {
		t.Errorf("without limits: %+v", info)
	}
	if (Limits{}).Begin(now).Expired(now.Add(1000 * time.Hour)) {
		t.Error("a key without a lifetime has expired")
	}
	active := Limits{Lifetime: time.Minute, Confirm: true, Destinations: to}.Begin(now)
	active.Mark(&info)
	if !info.Confirm || !info.Expires.Equal(now.Add(time.Minute)) || len(info.Destinations) != 1 {
		t.Errorf("with limits: %+v", info)
	}
	if active.Expired(now.Add(time.Minute-1)) || !active.Expired(now.Add(time.Minute)) {
		t.Error("the lifetime does not end when it is over")
	}
	if copied := active; !copied.Expired(now) {
		t.Error("a key that has expired is back when the clock is set back")
	}
}
