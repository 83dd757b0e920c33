package hosts

import (
	"regexp"
	"strings"
)

// What ssh -v writes (sshconnect.c, sshconnect2.c of OpenSSH 6.5 and later).
var (
	saysBanner  = regexp.MustCompile(`(?m)^debug1: Remote protocol version [\d.]+, remote software version (.*?)\r?$`)
	saysHostKey = regexp.MustCompile(`(?m)^debug1: Server host key: \S+ (SHA256:\S+)`)
	saysOffer   = regexp.MustCompile(`^debug1: Offering public key: .* (SHA256:\S+)`)
	saysAccepts = regexp.MustCompile(`^debug1: Server accepts key: .* (SHA256:\S+)`)
	saysIn      = regexp.MustCompile(`^(?:debug1: )?(?:Authenticated to .* using "publickey"|Authentication succeeded \(publickey\))`)
	saysLine    = regexp.MustCompile(`(?m)^debug1: Remote: (.*:\d+): (?:key options:|Accepted|key )`)
)

// bannerIn is the server's software version. The first line counts: what follows the
// login may be the server's text.
func bannerIn(log string) string { return firstOf(saysBanner, log) }

// hostKeyIn is the fingerprint of the host key that the server proved. ssh writes texts of
// the server into the same log, even before the keys are exchanged (SSH_MSG_DEBUG, with
// its line breaks). A log that names two keys, or that was filled up, shows none: "".
func hostKeyIn(log string) string {
	if len(log) >= maxLog {
		return ""
	}
	key := ""
	for _, match := range saysHostKey.FindAllStringSubmatch(log, -1) {
		if key != "" && match[1] != key {
			return ""
		}
		key = match[1]
	}
	return key
}

// letInBy is FILE:LINE of the line that let the login in. A server tells it for the
// keys before as well, when it looked them up: the last one was used.
func letInBy(log string) string {
	all := saysLine.FindAllStringSubmatch(log, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// letIn is the fingerprint of the key that logged in.
func letIn(log string) string {
	accepted := ""
	for line := range strings.Lines(log) {
		if match := saysAccepts.FindStringSubmatch(line); match != nil {
			accepted = match[1]
		}
		if saysIn.MatchString(line) {
			return accepted
		}
	}
	return ""
}

func firstOf(pattern *regexp.Regexp, log string) string {
	if match := pattern.FindStringSubmatch(log); match != nil {
		return match[1]
	}
	return ""
}
