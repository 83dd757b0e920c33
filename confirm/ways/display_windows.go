package ways

import "golang.org/x/sys/windows"

// windowWaits says that the buttons count only after they have been in sight for a while.
const windowWaits = true

// hasDesktop reports whether this process runs in a person's session. Session 0 is
// that of the services: nobody sees it.
func hasDesktop(func(string) string) bool {
	var session uint32
	err := windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &session)
	return err == nil && session != 0
}

// canShowWindow reports whether a dialog can be shown there.
func canShowWindow(func(string) string) bool { return true }
