package main

import "errors"

func (sshAgentOptions) run() (int, error) {
	return 0, errors.New("there is no ssh-agent on Windows but the system's service\nuse: keybroker daemon")
}
