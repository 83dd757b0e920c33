// Command packages makes what is released: packages for Linux, archives, manifests for
// other package managers, a list of components and checksums. It runs in the root of the
// tree, on Linux (docs/packaging.md).
//
//	go run ./packaging/packages -version v1.2.3 [-only deb,rpm,…] [-programs DIR] OUT
//
//	build.go      the programs of each system
//	versions.go   one version, in the form that each kind of package orders it by
//	stage.go      what is beside the programs: manual pages, completions, units
//	linux.go      .deb, .rpm and .apk, by nfpm
//	archive.go    .tar.gz and .zip
//	manifests.go  Homebrew, Scoop, winget
//	msi.go        the installer for Windows, by wixl
//	sums.go       the list of components, and checksums
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// kinds are what can be made, in the order in which it is made.
var kinds = []struct {
	name string
	make func(*release) error
}{
	{"deb", (*release).debs},
	{"rpm", (*release).rpms},
	{"apk", (*release).apks},
	{"archives", (*release).archives},
	{"msi", (*release).msis},
	{"manifests", (*release).manifests},
	{"sbom", (*release).components},
	{"sums", (*release).sums},
}

// release is one run: of one version, from one tree.
type release struct {
	version  version
	commit   string
	out      string // where the files are made
	work     string // programs and staged files, below out
	programs string // the directory of programs that were built before; "": they are built
	only     []string
	stage    string // set once the files beside the programs are staged
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	r, err := newRelease(args)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		if r.wants(kind.name) {
			if err := kind.make(r); err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
		}
	}
	return os.RemoveAll(r.work)
}

func newRelease(args []string) (*release, error) {
	flags := flag.NewFlagSet("packages", flag.ExitOnError)
	versionText := flags.String("version", "", "the version: v1.2.3, or a pseudo-version")
	commit := flags.String("commit", "", "the hash of the commit")
	only := flags.String("only", "", "kinds, separated by commas; without it all")
	programs := flags.String("programs", "", "take programs that were built before from this directory (for Linux: this processor's alone)")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() != 1 || *versionText == "" {
		flags.Usage()
		return nil, fmt.Errorf("name a version and one directory")
	}
	v, err := parseVersion(*versionText)
	if err != nil {
		return nil, err
	}
	out, err := filepath.Abs(flags.Arg(0))
	if err != nil {
		return nil, err
	}
	r := &release{version: v, commit: *commit, out: out, work: filepath.Join(out, ".work"), programs: *programs}
	if *only != "" {
		r.only = strings.Split(*only, ",")
	}
	if err := os.RemoveAll(out); err != nil { // files of another version would get checksums too
		return nil, err
	}
	return r, os.MkdirAll(r.work, 0o755)
}

func (r *release) wants(kind string) bool { return r.only == nil || slices.Contains(r.only, kind) }
