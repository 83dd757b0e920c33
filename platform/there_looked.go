//go:build darwin || windows

package platform

// lives reports whether p is still the process that it was.
func lives(p Process) bool {
	now, err := look(p.PID, 0, 0)
	return err == nil && now.Start == p.Start
}
