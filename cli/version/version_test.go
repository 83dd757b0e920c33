package version

import (
	"runtime/debug"
	"testing"
)

func TestVersionAndCommit(t *testing.T) {
	installed := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}
	checkout := &debug.BuildInfo{
		Main:     debug.Module{Version: "v0.0.0-20261128004700-8849caf29a1b"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "8849caf29a1b0000000000000000000000000000"}},
	}
	for name, c := range map[string]struct {
		linked, linkedCommit string
		built                *debug.BuildInfo
		version, commit      string
	}{
		"linked":             {"v2.0.0", "abc", checkout, "v2.0.0", "abc"},
		"go install @latest": {"", "", installed, "v1.2.3", ""},
		"go build":           {"", "", checkout, "v0.0.0-20261128004700-8849caf29a1b", "8849caf29a1b0000000000000000000000000000"},
		"no repository":      {"", "", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "dev", ""},
		"no information":     {"", "", nil, "dev", ""},
	} {
		if v, c2 := versionOf(c.linked, c.built), commitOf(c.linkedCommit, c.built); v != c.version || c2 != c.commit {
			t.Errorf("%s: %q %q, want %q %q", name, v, c2, c.version, c.commit)
		}
	}
}
