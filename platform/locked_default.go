//go:build !linux

package platform

// lockedAlloc returns ordinary memory on this system; free wipes it.
func lockedAlloc(n int) ([]byte, func()) {
	buf := make([]byte, n)
	return buf, func() { clear(buf) }
}
