package service

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/platform"
)

// Holders finds the other agents of this machine and of the person's ssh.
func (p Place) Holders() []Holder {
	var list []Holder
	said, _ := platform.Command(context.Background(), "sc.exe", "query", "ssh-agent").Output()
	if h, found := microsoftAgent(string(said)); found {
		list = append(list, h)
	}
	text, there, _ := readValue(environmentKey + `\SSH_AUTH_SOCK`)
	if h, found := p.variableSet(text, there); found {
		list = append(list, h)
	}
	if h, found := p.identityAgent(); found {
		list = append(list, h)
	}
	return list
}

// microsoftAgent is the service of Windows that holds the pipe of Windows' own ssh.
func microsoftAgent(said string) (Holder, bool) {
	if !strings.Contains(said, "RUNNING") {
		return Holder{}, false
	}
	return Holder{Name: "ssh-agent (Windows)", What: "the service runs and holds the pipe of Windows' own ssh",
		Remedy: "as an administrator, in PowerShell: Stop-Service ssh-agent; Set-Service ssh-agent -StartupType Disabled"}, true
}

// variableSet is a value of the person's that sets SSH_AUTH_SOCK to another agent.
func (p Place) variableSet(text string, there bool) (Holder, bool) {
	if !there || text == p.Paths.AgentSocket {
		return Holder{}, false
	}
	return Holder{Name: filepath.Base(text), What: "SSH_AUTH_SOCK is set to " + text + " in your environment",
		Remedy: `remove it: [Environment]::SetEnvironmentVariable("SSH_AUTH_SOCK", $null, "User")`}, true
}
