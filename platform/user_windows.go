package platform

import "golang.org/x/sys/windows"

// administrator is LocalSystem, the account of the system's own services.
const administrator = "S-1-5-18"

// currentUser returns "" when the system does not say.
func currentUser() string {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return ""
	}
	return user.User.Sid.String()
}
