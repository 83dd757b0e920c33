package ways

// hasDesktop says whether there may be somebody before a screen: not behind an
// ssh login. Whether an alert can be shown is found out when it is.
func hasDesktop(env func(string) string) bool { return env("SSH_CONNECTION") == "" }

// showsWindow says whether an alert can be shown there.
func showsWindow(func(string) string) bool { return true }
