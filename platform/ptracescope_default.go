//go:build !linux

package platform

// PtraceScope is Linux's.
func PtraceScope() string { return "" }
