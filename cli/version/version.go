// Package version says what a program was built from. Every program of keybroker has it.
package version

import "runtime/debug"

// linked and commit are set by the linker (Makefile). A program of "go install"
// or a plain "go build" knows them from its build information.
var linked, commit string

// unknown is of a program that was built outside any repository.
const unknown = "dev"

// String is the version of this program: a tag such as v1.2.3, or for a commit between
// tags the pseudo-version that "go install …@COMMIT" gives it (decision 0105).
func String() string {
	built, _ := debug.ReadBuildInfo()
	return versionOf(linked, built)
}

func versionOf(linked string, built *debug.BuildInfo) string {
	switch {
	case linked != "":
		return linked
	case built != nil && built.Main.Version != "" && built.Main.Version != "(devel)":
		return built.Main.Version
	default:
		return unknown
	}
}

// Commit is the full hash of the commit that this program was built from, or "" where
// only its version is known.
func Commit() string {
	built, _ := debug.ReadBuildInfo()
	return commitOf(commit, built)
}

func commitOf(linked string, built *debug.BuildInfo) string {
	if linked != "" || built == nil {
		return linked
	}
	for _, setting := range built.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return ""
}
