package platform

import "os/exec"

// EndsWhole does nothing here: only cmd itself is ended.
func EndsWhole(*exec.Cmd) {}
