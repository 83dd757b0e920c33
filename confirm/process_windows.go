package confirm

import "os/exec"

// ownGroup does nothing: a process group of Windows serves for Ctrl-C only.
// What a prompt program starts itself is not killed here.
func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }
