//go:build !linux && !windows && !darwin

package session

import "context"

// blind is what is not noticed.
func blind() map[string]string {
	return map[string]string{"desktop": "locking the screen and the end of the session are not noticed on this system yet; sleep is found afterwards"}
}

func (w *Watcher) watchDesktop(context.Context) {}
