//go:build !linux

package platform

func bootID() string { return "" }
