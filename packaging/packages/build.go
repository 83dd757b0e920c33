package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// target is a system that programs are built for.
type target struct {
	os, arch string
	musl     bool // Alpine's C library: the system's loader has another path
}

// targets are what archives are made for.
var targets = []target{
	{os: "linux", arch: "amd64"}, {os: "linux", arch: "arm64"},
	{os: "darwin", arch: "amd64"}, {os: "darwin", arch: "arm64"},
	{os: "windows", arch: "amd64"}, {os: "windows", arch: "arm64"},
}

var programs = []string{"keybroker", "keybroker-desktop", "keybroker-lifecycle"}

// loaders are the paths of musl's loader. It takes the names of glibc's libraries for its
// own, so that the programs open libpcsclite there too.
var loaders = map[string]string{"amd64": "/lib/ld-musl-x86_64.so.1", "arm64": "/lib/ld-musl-aarch64.so.1"}

const linkerVariables = "github.com/keybroker/keybroker/cli/version."

func (t target) String() string {
	if t.musl {
		return t.os + "_" + t.arch + "_musl"
	}
	return t.os + "_" + t.arch
}

func (t target) file(program string) string {
	if t.os == "windows" {
		return program + ".exe"
	}
	return program
}

// programsFor returns a directory with the three programs for t, and builds them there
// the first time.
func (r *release) programsFor(t target) (string, error) {
	if r.programs != "" {
		return r.programs, nil
	}
	dir := filepath.Join(r.work, "programs", t.String())
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	fmt.Println("building for", t)
	for _, program := range programs {
		if err := r.compile(t, program, filepath.Join(dir, t.file(program))); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// compile builds one program with nothing in it that depends on where and when: paths are
// cut, and the version is an argument.
func (r *release) compile(t target, program, file string) error {
	linker := "-s -w -X " + linkerVariables + "linked=" + r.version.text + " -X " + linkerVariables + "commit=" + r.commit
	if t.musl {
		linker += " -I " + loaders[t.arch]
	}
	if t.os == "windows" && program == "keybroker-desktop" {
		linker += " -H windowsgui" // a console program would open a console beside its dialog
	}
	mode := "default"
	if t.os == "linux" { // as Debian and Fedora build programs (decision 0106)
		mode = "pie"
		linker += " -bindnow"
	}
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-buildmode="+mode, "-ldflags", linker, "-o", file, "./cmd/"+program)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off", "GOEXPERIMENT="+experiment(t.os))
	return quiet(build)
}

// experiment is what has Go erase its copies of secrets, where it can (decision 0114).
func experiment(system string) string {
	if system == "linux" {
		return "runtimesecret"
	}
	return ""
}

// quiet runs a command whose output matters only if it fails.
func quiet(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}
