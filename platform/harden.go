package platform

// Hardening is how well the memory of this process is protected.
type Hardening struct {
	NoDump bool     // other processes of the user can neither trace it nor read its memory
	NoCore bool     // a crash leaves no memory image
	Locked bool     // memory is never written to swap
	Notes  []string // protections that are missing, and why, for `keybroker doctor`
}

// Harden protects the process for the rest of its life. Call it before any secret is
// read; a second call changes nothing. It reports what the system does not allow: a
// daemon that cannot lock its memory still serves. It fails if another program traces
// this one, because that program would see every secret. The caller must end then.
func Harden() (Hardening, error) {
	h := harden()
	return h, untraced()
}

func (h *Hardening) note(what string, err error) {
	if err != nil {
		what += ": " + err.Error()
	}
	h.Notes = append(h.Notes, what)
}

// LockedAlloc returns n zeroed bytes that, as far as the system allows, are in
// no swap file and in no core dump, and that the garbage collector does not
// copy. free wipes them and gives them back; afterwards they must not be
// touched. It may be called more than once, but not from two goroutines.
func LockedAlloc(n int) (buf []byte, free func()) { return lockedAlloc(max(n, 0)) }
