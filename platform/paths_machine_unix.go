//go:build unix

package platform

// MachinePolicy is Paths.MachinePolicy, also for a process that has no home.
func MachinePolicy() string { return machinePolicy }
