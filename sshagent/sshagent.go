// Package sshagent is the drop-in for ssh-agent(1): the same command line, keys in
// memory only, no audit log, and questions for keys that were added with ssh-add -c.
package sshagent

import (
	"errors"
	"fmt"
	"os"

	"github.com/keybroker/keybroker/platform"
)

// Name is the program name under which keybroker acts as ssh-agent.
const Name = "ssh-agent"

// Usage is ssh-agent's.
const Usage = `usage: ssh-agent [-c | -s] [-DdTU] [-a bind_address] [-E fingerprint_hash]
                 [-O option] [-P allowed_providers] [-t life]
       ssh-agent [-TU] [-a bind_address] [-E fingerprint_hash] [-O option]
                 [-P allowed_providers] [-t life] command [arg ...]
       ssh-agent [-c | -s] -k
       ssh-agent -u
       ssh-agent -V
`

// exitFailed is ssh-agent's exit code for every error.
const exitFailed = 1

// Run carries out a command line of ssh-agent and returns ssh-agent's exit code. release
// is keybroker's version, for -V.
func Run(args []string, release string) int {
	o, err := parse(args)
	if err == nil {
		o.release = release
		code := 0
		if code, err = o.run(); err == nil {
			return code
		}
	}
	if err.Error() != errUsage.Error() {
		fmt.Fprintln(os.Stderr, "ssh-agent:", platform.Text(err))
	}
	if errors.Is(err, errUsage) {
		fmt.Fprint(os.Stderr, Usage)
	}
	return exitFailed
}
