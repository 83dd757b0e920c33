//go:build !linux

package service

import "github.com/keybroker/keybroker/problem"

// Run runs a keybroker command as the account, and returns its exit code.
func (a Account) Run([]string) (int, error) {
	return 0, problem.New("this system has no service accounts that keybroker sets up", "run the command as the account")
}
