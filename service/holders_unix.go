//go:build unix

package service

// Holders finds the other agents of this desktop and of the person's ssh.
func (p Place) Holders() []Holder { return p.desktopHolders() }
