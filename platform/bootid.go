package platform

// BootID identifies the time since the machine's start: 32 hexadecimal digits, or "" where
// the system does not say.
func BootID() string { return bootID() }
