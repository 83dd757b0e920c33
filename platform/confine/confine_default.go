//go:build !linux

package confine

func program() error { return nil }

func prompt([]string) error { return nil }

func tray(Files, uint16) error { return nil }

func now() Status { return Status{} }
