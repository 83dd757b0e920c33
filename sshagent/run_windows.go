package sshagent

import "errors"

func (options) run() (int, error) {
	return 0, errors.New("there is no ssh-agent on Windows but the system's service\nuse: keybroker daemon")
}
