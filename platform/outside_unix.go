//go:build !windows && !darwin

package platform

// systemDirectories hold what a package manager or an administrator has put
// there. /opt is one of them, as vendors' packages go there.
func systemDirectories() []string {
	return []string{"/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/nix/store/", "/gnu/store/", "/snap/"}
}

func foldPath(path string) string { return path }
