//go:build unix

package platform

import "path/filepath"

// MachinePolicy is Paths.MachinePolicy, also for a process that has no home.
func MachinePolicy() string { return machinePolicy }

func (p Paths) socket(name string) string { return filepath.Join(p.RuntimeDir, name+".sock") }

func systemSSH() string { return "/etc/ssh" }
