package doctor

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/keybroker/keybroker/platform"
)

// maxSSHFiles bounds how many files of ~/.ssh are looked at.
const maxSSHFiles = 500

// checkModes looks for modes of files that make OpenSSH refuse them: ssh ends because of its
// configuration, skips private keys, and sshd lets nobody in by authorized_keys.
func checkModes() []Check {
	const name = "file modes"
	home, err := os.UserHomeDir()
	if err != nil || runtime.GOOS == "windows" {
		return nil
	}
	dir := filepath.Join(home, ".ssh")
	checks := append(openToWriters(name, home, "sshd lets nobody in by a key"), openToWriters(name, dir, "sshd lets nobody in by a key")...)
	checks = append(checks, openToWriters(name, filepath.Join(dir, "config"), `ssh ends with "Bad owner or permissions"`)...)
	checks = append(checks, openToWriters(name, filepath.Join(dir, "authorized_keys"), "sshd lets nobody in by it")...)
	checks = append(checks, openKeys(name, dir)...)
	if len(checks) == 0 {
		return []Check{fine(name, "those of ~/.ssh are as ssh wants them")}
	}
	return checks
}

// openToWriters is what ssh and sshd refuse: files and directories that others may write.
func openToWriters(name, path, effect string) []Check {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o022 == 0 {
		return nil
	}
	return []Check{broken(name, fmt.Sprintf("%s may be written by others (mode %04o): %s", path, info.Mode().Perm(), effect),
		"run: chmod go-w "+quoted(path)).with(chmodFix(path, 0o755))}
}

// openKeys finds private keys that others may read. ssh does not use them ("UNPROTECTED PRIVATE
// KEY FILE").
func openKeys(name, dir string) (checks []Check) {
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries[:min(len(entries), maxSSHFiles)] {
		path := filepath.Join(dir, entry.Name())
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0 || !isPrivateKey(path) {
			continue
		}
		checks = append(checks, broken(name, fmt.Sprintf("%s may be read by others (mode %04o): ssh does not use it", platform.Escape(path, maxPath), info.Mode().Perm()),
			"run: chmod 600 "+quoted(path)).with(chmodFix(path, fs.FileMode(0o600))))
	}
	return checks
}

// isPrivateKey looks at the first bytes only.
func isPrivateKey(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	head, _ := io.ReadAll(io.LimitReader(file, 64))
	return bytes.HasPrefix(head, []byte("-----BEGIN ")) && bytes.Contains(head, []byte("PRIVATE KEY-----"))
}
