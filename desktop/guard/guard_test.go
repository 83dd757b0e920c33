package guard

import "testing"

func TestGuard(t *testing.T) {
	for _, test := range []struct {
		name  string
		setup func(*Guard)
		press uint32
		want  bool
	}{
		{"never stood", func(*Guard) {}, 5000, false},
		{"too early", func(g *Guard) { g.Stand(1000); g.Show() }, 1799, false},
		{"in time", func(g *Guard) { g.Stand(1000); g.Show() }, 1800, true},
		{"not shown as armed", func(g *Guard) { g.Stand(1000) }, 9000, false},
		{"before it stood", func(g *Guard) { g.Stand(1000); g.Show() }, 500, false},
		{"fell", func(g *Guard) { g.Stand(1000); g.Show(); g.Fall() }, 9000, false},
		{"fell and stood anew", func(g *Guard) { g.Stand(1000); g.Show(); g.Fall(); g.Stand(5000); g.Show() }, 5700, false},
		{"shown after it fell", func(g *Guard) { g.Stand(1000); g.Fall(); g.Show() }, 9000, false},
		{"the clock starts again", func(g *Guard) { g.Stand(1<<32 - 400); g.Show() }, 400, true},
		{"the clock starts again, too early", func(g *Guard) { g.Stand(1<<32 - 400); g.Show() }, 399, false},
	} {
		var g Guard
		test.setup(&g)
		if got := g.Armed(test.press); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
