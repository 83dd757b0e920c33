//go:build !linux && !darwin

package platform

func harden() Hardening {
	return Hardening{Notes: []string{"memory is not protected on this system by this version"}}
}
