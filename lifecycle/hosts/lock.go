package hosts

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// lockName is the file that keeps two keybrokers from editing beside each other.
	// Other editors know nothing of it: an edit does not rely on it.
	lockName = tempPrefix + "lock"
	// lockStale is how long a lock that does not change belongs to somebody: an edit
	// takes less. It is taken over then.
	lockStale = 20 * time.Second
	lockEvery = 100 * time.Millisecond
)

// held are the locks of this process.
var held sync.Map

// lock takes the lock of a directory. Where that cannot be, for want of a right or of
// room, the edit goes on without: unlock is nil.
func (e *edit) lock() (unlock func()) {
	files, name := e.host.files, path.Join(path.Dir(e.path), lockName)
	id := lockID()
	var seen string
	var since time.Time
	for {
		file, err := files.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err == nil {
			_ = file.Chmod(newFileMode)
			_, err = file.Write([]byte(id))
			file.Close()
			if err != nil {
				files.Remove(name)
				return nil
			}
			held.Store(id, true)
			return func() {
				held.Delete(id)
				files.Remove(name)
			}
		}
		owner, err := e.host.text(name)
		switch {
		case errors.Is(err, fs.ErrNotExist) && seen == "" && since.IsZero():
			since = time.Now() // it went meanwhile, or none can be made: look once more
			continue
		case err != nil:
			return nil
		case owner != seen:
			seen, since = owner, time.Now()
		}
		if isDead(owner) || time.Since(since) > lockStale {
			files.Remove(name)
			seen, since = "", time.Time{}
			continue
		}
		time.Sleep(lockEvery)
	}
}

// lockID names this machine, this process and this edit.
func lockID() string {
	machine, _ := os.Hostname()
	return fmt.Sprintf("%s %d %s", strings.ReplaceAll(machine, " ", "-"), os.Getpid(), rand.Text())
}

// isDead is true for the lock of a process of this machine that is no more, or of an
// edit of this process that ended without its connection.
func isDead(id string) bool {
	var machine, token string
	var pid int
	if _, err := fmt.Sscanf(id, "%s %d %s", &machine, &pid, &token); err != nil {
		return false
	}
	here, _, _ := strings.Cut(lockID(), " ")
	if machine != here {
		return false
	}
	if pid == os.Getpid() {
		_, live := held.Load(id)
		return !live
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return true
	}
	defer process.Release()
	if runtime.GOOS == "windows" {
		return false
	}
	return errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
