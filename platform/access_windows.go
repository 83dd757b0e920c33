package platform

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/keybroker/keybroker/problem"
	"golang.org/x/sys/windows"
)

// administrators is the group that owns what administrators create while elevated.
const administrators = "S-1-5-32-544"

// onlyThisUser is the access list of our pipes. It names their owner, which clients
// check. Elevated programs of this user have the same SID; the system keeps out
// programs of lower integrity and those in an app container.
func onlyThisUser() (*windows.SecurityAttributes, error) {
	user := currentUser()
	if user == "" {
		return nil, errors.New("the system does not name this user")
	}
	descriptor, err := windows.SecurityDescriptorFromString(fmt.Sprintf("O:%[1]sD:P(A;;GA;;;%[1]s)", user))
	if err != nil {
		return nil, fmt.Errorf("make an access list: %w", err)
	}
	access := &windows.SecurityAttributes{SecurityDescriptor: descriptor}
	access.Length = uint32(unsafe.Sizeof(*access))
	return access, nil
}

// checkServer returns the owner of a pipe, and an error unless that is this user or the
// system. The owner proves it, because only administrators can set another owner. The
// serving process is checked too, if the system allows that.
func checkServer(pipe windows.Handle) (string, error) {
	descriptor, err := windows.GetSecurityInfo(pipe, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return "", fmt.Errorf("ask whose pipe it is: %w", err)
	}
	sid, _, err := descriptor.Owner()
	if err != nil || sid == nil {
		return "", errors.New("the pipe has no owner")
	}
	owner, server := sid.String(), ""
	var pid uint32
	if windows.GetNamedPipeServerProcessId(pipe, &pid) == nil {
		server, _ = userOf(pid)
	}
	return owner, ours(owner, server)
}

// ours checks a pipe's owner and the user of the process that serves it; "" means that
// this user is unknown.
func ours(owner, server string) error {
	trusted := []string{currentUser(), administrator, administrators}
	if !slices.Contains(trusted, owner) {
		return problem.With(fmt.Errorf("the pipe was made by another user (%s)", owner), "find out which program of theirs it is, and do not use it")
	}
	if server != "" && !slices.Contains(trusted, server) {
		return problem.With(fmt.Errorf("the pipe is served by another user's program (%s)", server), "find out which one it is, and do not use it")
	}
	return nil
}

// userOf returns the SID that a process runs as, or an error if this process may not
// ask.
func userOf(pid uint32) (string, error) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return "", err
	}
	defer windows.CloseHandle(process)
	return userOfProcess(process)
}

func userOfProcess(process windows.Handle) (string, error) {
	var token windows.Token
	if err := windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token); err != nil {
		return "", err
	}
	defer token.Close()
	user, err := token.GetTokenUser()
	if err != nil {
		return "", err
	}
	return user.User.Sid.String(), nil
}
