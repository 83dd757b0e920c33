package platform

// child is what the test binary does under that name.
func child(name string) func(args []string) error {
	return map[string]func([]string) error{"connect": connectChild, "serve": serveChild}[name]
}
