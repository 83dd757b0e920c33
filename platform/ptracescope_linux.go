package platform

import (
	"bytes"
	"fmt"
	"os"
)

// scopes are the meanings of Yama's setting (Documentation/admin-guide/LSM/Yama.rst).
var scopes = map[string]string{
	"0": "any program of a user can trace the others",
	"1": "a program can trace those alone that it has started",
	"2": "only the machine's owner can trace",
	"3": "nobody can trace",
}

// PtraceScope says who can trace a program of this user that has not closed itself.
func PtraceScope() string {
	setting, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	if err != nil {
		return "there is no kernel.yama.ptrace_scope: " + scopes["0"]
	}
	value := string(bytes.TrimSpace(setting))
	return fmt.Sprintf("kernel.yama.ptrace_scope = %s: %s", Escape(value, 8), scopes[value])
}
