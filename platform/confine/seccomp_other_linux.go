//go:build linux && !amd64 && !arm64

package confine

var foreign, reaching, serving, attributes, older, signals, others []uint32

var localSockets, ownLimits only

type only struct{ call, first uint32 }

func ownThreads() only { return only{} }

// deny does nothing: the calls have other numbers here, which nobody has looked up.
func deny([]uint32, ...only) error { return nil }
