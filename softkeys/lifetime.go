package softkeys

import "time"

// expired asks both clocks, and the one that is ahead counts: the wall clock
// goes on while the machine sleeps, and the monotonic one cannot be set back.
func (a *added) expired(now time.Time) bool {
	if a.expires.IsZero() {
		return false
	}
	return !now.Before(a.expires) || !now.Round(0).Before(a.info.Expires)
}

// expire drops the keys whose lifetime is over. It runs by timer, and before
// whatever shows the keys.
func (m *Memory) expire() {
	now := m.clock.Now()
	m.mu.RLock()
	due := false
	for _, a := range m.order {
		due = due || a.expired(now)
	}
	m.mu.RUnlock()
	if !due {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropLocked(func(a *added) bool { return a.expired(now) })
}
