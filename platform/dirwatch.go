package platform

// DirWatch tells of names that come into a directory or leave it.
type DirWatch struct {
	// Changes gets a value after one or more changes. It is closed when the directory
	// itself has been removed or moved, or the watch was closed.
	Changes <-chan struct{}
	end     func()
}

// WatchDir watches a directory until Close. It fails where the directory is not there, the
// system has no way, or the person's watches are used up: then look from time to time.
func WatchDir(dir string) (*DirWatch, error) { return watchDir(dir) }

// Close ends the watch.
func (w *DirWatch) Close() { w.end() }
