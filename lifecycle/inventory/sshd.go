package inventory

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/keybroker/keybroker/keys/ascii"
	"github.com/keybroker/keybroker/lifecycle"
)

// serverConfig looks for settings of the server that give protection away (row 21). Only
// what holds for everybody counts: the lines before the first Match.
func (r *remoteReader) serverConfig(ctx context.Context) {
	name := r.host.ConfigPath()
	settings := r.settings(ctx, name)
	for _, check := range serverChecks {
		if value, found := settings[check.keyword]; found && slices.Contains(check.values, ascii.Lower(value)) {
			r.finding(lifecycle.Finding{
				Kind: check.kind, Row: 21, Severity: check.severity, Host: r.identity, Path: name,
				What: fmt.Sprintf("%s %s: %s", check.name, value, check.what), Remedy: check.remedy,
			})
		}
	}
}

// serverChecks are settings of sshd_config(5) that give protection away.
var serverChecks = []struct {
	keyword, name string
	values        []string
	kind          string
	severity      lifecycle.Severity
	what, remedy  string
}{
	{"strictmodes", "StrictModes", []string{"no"}, "modes-not-checked", lifecycle.Serious,
		"sshd believes an authorized_keys that other users can write", "remove the line from sshd_config, then reload sshd"},
	{"permitrootlogin", "PermitRootLogin", []string{"yes"}, "root-by-password", lifecycle.Warning,
		"root may log in by everything, a password too", "PermitRootLogin prohibit-password"},
	{"passwordauthentication", "PasswordAuthentication", []string{"yes"}, "passwords", lifecycle.Info,
		"who guesses a password needs no key", "PasswordAuthentication no, once everybody has a key"},
	{"permituserenvironment", "PermitUserEnvironment", []string{"yes"}, "user-environment", lifecycle.Warning,
		"an environment= option can get around a forced command", "PermitUserEnvironment no"},
	{"loglevel", "LogLevel", []string{"quiet", "fatal", "error"}, "logins-not-logged", lifecycle.Warning,
		"logins are not in the log, so no use of a key is seen", "LogLevel VERBOSE, which names the line that let a key in"},
}

// maxServerFiles bounds the files that one sshd_config includes.
const maxServerFiles = 64

// settings are the first values in an sshd_config and in the files that it includes.
// What cannot be read is named by the reader of authorized_keys.
func (r *remoteReader) settings(ctx context.Context, name string) map[string]string {
	found := map[string]string{}
	left := maxServerFiles
	var read func(name string)
	read = func(name string) {
		content, err := r.host.ReadPart(ctx, name, 0, maxConfig)
		if left--; err != nil || left < 0 {
			return
		}
		for line := range bytes.Lines(content) {
			words := configWords(string(line))
			if len(words) < 2 {
				continue
			}
			switch keyword := ascii.Lower(words[0]); keyword {
			case "match":
				return
			case "include":
				for _, pattern := range words[1:] {
					for _, file := range r.included(ctx, path.Dir(name), pattern) {
						read(file)
					}
				}
			default:
				if _, set := found[keyword]; !set {
					found[keyword] = words[1]
				}
			}
		}
	}
	read(name)
	return found
}

// included lists the files of an Include with a pattern in its last part, as
// distributions write it.
func (r *remoteReader) included(ctx context.Context, relative, pattern string) []string {
	if !path.IsAbs(pattern) {
		pattern = path.Join(relative, pattern)
	}
	dir, last := path.Split(pattern)
	list, err := r.host.ReadDir(ctx, dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, info := range list {
		if matched, _ := path.Match(last, info.Name()); matched {
			names = append(names, path.Join(dir, info.Name()))
		}
	}
	slices.Sort(names)
	return names
}
