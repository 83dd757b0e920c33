package guard

import "testing"

func TestGuard(t *testing.T) {
	for _, test := range []struct {
		name  string
		setup func(*Guard)
		press uint32
		want  bool
	}{
		{"not started", func(*Guard) {}, 5000, false},
		{"too early", func(g *Guard) { g.Start(1000); g.MarkShown() }, 1799, false},
		{"in time", func(g *Guard) { g.Start(1000); g.MarkShown() }, 1800, true},
		{"not shown as armed", func(g *Guard) { g.Start(1000) }, 9000, false},
		{"before the start", func(g *Guard) { g.Start(1000); g.MarkShown() }, 500, false},
		{"disarmed", func(g *Guard) { g.Start(1000); g.MarkShown(); g.Disarm() }, 9000, false},
		{"disarmed and started again", func(g *Guard) { g.Start(1000); g.MarkShown(); g.Disarm(); g.Start(5000); g.MarkShown() }, 5700, false},
		{"shown after it was disarmed", func(g *Guard) { g.Start(1000); g.Disarm(); g.MarkShown() }, 9000, false},
		{"the clock wraps", func(g *Guard) { g.Start(1<<32 - 400); g.MarkShown() }, 400, true},
		{"the clock wraps, too early", func(g *Guard) { g.Start(1<<32 - 400); g.MarkShown() }, 399, false},
	} {
		var g Guard
		test.setup(&g)
		if got := g.Accepts(test.press); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
