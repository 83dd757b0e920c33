//go:build linux && !amd64 && !arm64

package confine

var foreign, outside, attributes, older, others []uint32

// deny does nothing: the calls have other numbers here, which nobody has looked up.
func deny([]uint32) error { return nil }

func denyOthers([]uint32) error { return nil }
