package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

func (r *release) debs() error { return r.linuxPackages("deb", r.version.tilde(), false) }

func (r *release) rpms() error { return r.linuxPackages("rpm", r.version.tilde(), false) }

func (r *release) apks() error {
	text, err := r.version.alpine()
	if err != nil {
		return err
	}
	return r.linuxPackages("apk", text, true)
}

func (r *release) linuxPackages(kind, version string, musl bool) error {
	for _, arch := range []string{"amd64", "arm64"} {
		if r.programs != "" && arch != runtime.GOARCH {
			continue
		}
		if err := r.linuxPackage(kind, version, target{os: "linux", arch: arch, musl: musl}); err != nil {
			return err
		}
	}
	return nil
}

// linuxPackage runs nfpm on packaging/nfpm.yaml.
func (r *release) linuxPackage(kind, version string, t target) error {
	stage, err := r.stagedForLinux()
	if err != nil {
		return err
	}
	programs, err := r.programsFor(t)
	if err != nil {
		return err
	}
	values := map[string]string{"PACKAGE_ARCH": t.arch, "PACKAGE_VERSION": version, "PROGRAMS": programs, "STAGE": stage}
	if kind != "deb" { // Debian has it in the file copyright, and no field for it
		values["PACKAGE_LICENSE"] = "Apache-2.0"
	}
	settings, err := os.ReadFile("packaging/nfpm.yaml")
	if err != nil {
		return err
	}
	file := filepath.Join(r.work, "nfpm.yaml")
	if err := os.WriteFile(file, []byte(os.Expand(string(settings), func(name string) string { return values[name] })), 0o644); err != nil {
		return err
	}
	nfpm := exec.Command("go", "tool", "-modfile=tools/go.mod", "nfpm", "package", "--config", file, "--packager", kind, "--target", r.out)
	nfpm.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+r.epoch())
	return quiet(nfpm)
}

// stagedForLinux is a copy of what is staged, with compressed manual pages.
func (r *release) stagedForLinux() (string, error) {
	dir := filepath.Join(r.work, "stage-linux")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	stage, err := r.staged()
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, os.DirFS(stage)); err != nil {
		return "", err
	}
	if err := compressPages(dir); err != nil {
		return "", err
	}
	return dir, r.evenOut(dir)
}
