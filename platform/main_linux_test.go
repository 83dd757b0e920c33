package platform

// child is what the test binary does under that name.
func child(name string) func(args []string) error {
	return map[string]func([]string) error{
		"listen":    listenChild,
		"activated": activatedChild,
		"connect":   connectChild,
		"leave":     leaveChild,
		"exec":      execChild,
		"run":       runChild,
		"peer":      peerChild,
		"look":      lookChild,
		"harden":    hardenChild,
		"traced":    tracedChild, "starter": starterChild, "reach": reachChild, "unreadable": unreadableChild,
	}[name]
}
