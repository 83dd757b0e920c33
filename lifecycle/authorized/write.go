package authorized

import (
	"fmt"
	"strings"

	"github.com/keybroker/keybroker/problem"
)

// Quote writes an option with a value. It refuses what sshd could not read back.
func Quote(name, value string) (string, error) {
	if strings.ContainsAny(value, "\n\r\x00") {
		return "", problem.New(fmt.Sprintf("the value of %s has a line break or a zero byte", name), "leave it out: authorized_keys cannot hold one")
	}
	if strings.HasSuffix(value, `\`) {
		return "", problem.New(fmt.Sprintf("the value of %s ends in a backslash", name), "add a blank or a quote after it: sshd would take the closing quote for a part of it")
	}
	option := name + `="` + strings.ReplaceAll(value, `"`, `\"`) + `"`
	if !isOption(option) {
		return "", problem.New(fmt.Sprintf("sshd would refuse the option %s", option), "see AUTHORIZED_KEYS FILE FORMAT in sshd(8)")
	}
	return option, nil
}

// check refuses a line that sshd would not read as a key.
func check(text string) error {
	if strings.ContainsAny(text, "\n\r\x00") {
		return problem.New("a line of authorized_keys has a line break or a zero byte in it", "give the comment and the options on one line")
	}
	switch line := parseLine([]byte(text), false); {
	case line.Quarantined || line.Blob == nil:
		return problem.New("sshd would find no key on the line "+fmt.Sprintf("%.60q", text), "see AUTHORIZED_KEYS FILE FORMAT in sshd(8)")
	case line.Dead != "":
		return problem.New("sshd would let nobody in by the line: "+line.Dead, "see AUTHORIZED_KEYS FILE FORMAT in sshd(8)")
	}
	return nil
}
