//go:build !linux

package platform

// lockedAlloc has ordinary memory here, and wipes it.
func lockedAlloc(n int) ([]byte, func()) {
	buf := make([]byte, n)
	return buf, func() { clear(buf) }
}
