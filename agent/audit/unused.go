package audit

import "time"

// Idle says whether a key is unused, and how far that is known.
type Idle struct {
	Watched time.Duration // how long the key was watched since its last use, without the gaps
	ToGo    time.Duration // how much longer it must be watched until that is as long as asked; 0: it is unused
}

// Idle looks for a use of the key in the last asked. used: there is one. A key that was
// not watched that long since its last use is not called unused.
func (u KeyUsage) Idle(asked time.Duration, now time.Time) (idle Idle, used bool) {
	if u.Count > 0 && now.Sub(u.Last) < asked {
		return Idle{}, true
	}
	idle.Watched = Watched(u.Watched, u.Last)
	idle.ToGo = max(asked-idle.Watched, 0)
	return idle, false
}
