package platform

// systemDirectories leave out /usr/local and /opt/homebrew, which belong to the
// user that installed Homebrew.
func systemDirectories() []string {
	return []string{"/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/", "/System/", "/Library/Apple/", "/Applications/"}
}

func foldPath(path string) string { return path }
