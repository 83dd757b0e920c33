package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// version is a semantic version. Packages have other forms of it, which order as it does.
type version struct {
	text  string // v1.2.3, v1.2.3-rc.1, v1.2.4-0.20261128004700-8849caf29a1b, all with +dirty
	core  string // 1.2.3
	pre   string // rc.1
	dirty bool
	time  time.Time // of the commit: every file has it
}

var semantic = regexp.MustCompile(`^v(\d+\.\d+\.\d+)(?:-([0-9A-Za-z.-]+))?(\+dirty)?$`)

func parseVersion(text string) (version, error) {
	m := semantic.FindStringSubmatch(text)
	if m == nil {
		return version{}, fmt.Errorf("%q is no version like v1.2.3", text)
	}
	when, err := commitTime()
	return version{text: text, core: m[1], pre: m[2], dirty: m[3] != "", time: when}, err
}

// commitTime is SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/),
// or the time of the commit.
func commitTime() (time.Time, error) {
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		out, err := exec.Command("git", "show", "-s", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("the time of the commit is unknown; set SOURCE_DATE_EPOCH: %w", err)
		}
		seconds = strings.TrimSpace(string(out))
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(n, 0).UTC(), nil
}

// plain is for names of files and for manifests.
func (v version) plain() string { return strings.TrimPrefix(v.text, "v") }

// tilde is for .deb and .rpm: what is before a release has a "~", which sorts before
// nothing. A "-" would begin the packager's own revision.
func (v version) tilde() string {
	text := v.core
	if v.pre != "" {
		text += "~" + strings.ReplaceAll(v.pre, "-", ".")
	}
	if v.dirty {
		text += "+dirty"
	}
	return text
}

var (
	pseudo     = regexp.MustCompile(`(?:^|\.)(\d{14})-[0-9a-f]{12}$`)
	preRelease = regexp.MustCompile(`^(alpha|beta|rc)\.?(\d*)$`)
)

// alpine is for .apk, which knows a few words alone: "_pre" and "_git" with a number.
func (v version) alpine() (string, error) {
	if v.pre == "" {
		return v.core, nil
	}
	if m := pseudo.FindStringSubmatch(v.pre); m != nil {
		return v.core + "_pre" + m[1], nil
	}
	if m := preRelease.FindStringSubmatch(v.pre); m != nil {
		return v.core + "_" + m[1] + m[2], nil
	}
	return "", fmt.Errorf("%s has no form that apk can order: use alpha, beta or rc with a number", v.text)
}
