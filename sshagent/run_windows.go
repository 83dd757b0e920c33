package sshagent

import (
	"github.com/keybroker/keybroker/problem"
)

func (options) run() (int, error) {
	return 0, problem.New("there is no ssh-agent on Windows but the system's service", "use: keybroker daemon")
}
