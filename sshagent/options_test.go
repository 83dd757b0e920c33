package sshagent

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keybroker/keybroker/broker/config"
)

func TestSSHAgentOptions(t *testing.T) {
	for line, want := range map[string]options{
		"":                             {},
		"-s":                           {sh: true},
		"-c -a /tmp/s":                 {csh: true, socket: "/tmp/s"},
		"-Da/tmp/s -t1h30m":            {foreground: true, socket: "/tmp/s", lifetime: 90 * time.Minute},
		"-uuT -U":                      {clean: 2, temporary: true, keepStale: true},
		"-t 90 make -k":                {lifetime: 90 * time.Second, command: []string{"make", "-k"}},
		"-T -- -odd":                   {temporary: true, command: []string{"-odd"}},
		"-P /opt/* -O websafe-allow=*": {providers: "/opt/*", websafe: "*"},
		"-O allow-remote-pkcs11 -Emd5": {remote: true, hash: "md5"},
		"-O no-restrict-websafe -k":    {websafe: "*", kill: true},
		"-V -d":                        {version: true, debug: true},
		"-":                            {command: []string{"-"}},
	} {
		got, err := parse(strings.Fields(line))
		if want.hash == "" {
			want.hash = "sha256"
		}
		if want.providers == "" {
			want.providers = config.DefaultProviders
		}
		if want.websafe == "" {
			want.websafe = config.DefaultWebsafe
		}
		if want.command == nil {
			want.command = []string{}
		}
		got.flags = nil
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	for line, usage := range map[string]bool{
		"-c -s": true, "-d -D": true, "-s true": true, "-k true": true, "-x": true, "-t": true, "-t 1x": true, "-a": true,
		"-E none": false, "-O more": false, "-P a -P b": false, "-O websafe-allow=a -O websafe-allow=b": false,
	} {
		if _, err := parse(strings.Fields(line)); err == nil || errors.Is(err, errUsage) != usage {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestSSHTimes(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "90": 90 * time.Second, "1h30m": 90 * time.Minute, "1H30": time.Hour + 30*time.Second, "2w": 14 * 24 * time.Hour,
	} {
		if got, err := sshTime(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "m", "-1", "1y", "1h m", "4294967296", "9999w"} {
		if got, err := sshTime(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
