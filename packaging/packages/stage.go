package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// staged returns a directory with all that stands beside the programs, laid out below
// usr/ by packaging/install, so that packages and "make install" never differ.
func (r *release) staged() (string, error) {
	if r.stage != "" {
		return r.stage, nil
	}
	native := target{os: runtime.GOOS, arch: runtime.GOARCH}
	programs, err := r.programsFor(native)
	if err != nil {
		return "", err
	}
	stage := filepath.Join(r.work, "stage")
	if err := r.install(programs, stage); err != nil {
		return "", err
	}
	if err := os.RemoveAll(filepath.Join(stage, "usr/bin")); err != nil { // they are of this system
		return "", err
	}
	if err := r.documents(filepath.Join(stage, "doc")); err != nil {
		return "", err
	}
	if err := r.evenOut(stage); err != nil {
		return "", err
	}
	r.stage = stage
	return stage, nil
}

// install runs packaging/install as it is run in a built tree.
func (r *release) install(programs, stage string) error {
	tree := filepath.Join(r.work, "tree")
	absolute, err := filepath.Abs(programs)
	if err != nil {
		return err
	}
	packaging, err := filepath.Abs("packaging")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(tree, 0o755); err != nil {
		return err
	}
	for name, from := range map[string]string{"bin": absolute, "packaging": packaging} {
		if err := os.Symlink(from, filepath.Join(tree, name)); err != nil {
			return err
		}
	}
	install := exec.Command("packaging/install", "/usr")
	install.Dir = tree
	install.Env = append(os.Environ(), "DESTDIR="+stage, "SOURCE_DATE_EPOCH="+r.epoch())
	return quiet(install)
}

// documents writes what Debian asks of each package.
func (r *release) documents(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	copyright, err := os.ReadFile("packaging/debian/copyright")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "copyright"), copyright, 0o644); err != nil {
		return err
	}
	entry := fmt.Sprintf("keybroker (%s) unstable; urgency=medium\n\n  * See https://github.com/keybroker/keybroker/blob/main/CHANGELOG.md\n\n -- The keybroker developers <keybroker@users.noreply.github.com>  %s\n",
		r.version.tilde(), r.version.time.Format(time.RFC1123Z))
	packed, err := gzipped([]byte(entry))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "changelog.gz"), packed, 0o644)
}

// gzipped compresses with no name and no time.
func gzipped(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(data); err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

// evenOut gives all files below dir the modes of a package and the time of the commit,
// whatever the umask and the hour are.
func (r *release) evenOut(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if entry.IsDir() {
			mode = 0o755
		}
		if err := os.Chmod(path, mode); err != nil {
			return err
		}
		return os.Chtimes(path, r.version.time, r.version.time)
	})
}

// compressPages replaces the manual pages below dir by compressed ones.
func compressPages(dir string) error {
	return filepath.WalkDir(filepath.Join(dir, "usr/share/man"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".gz") {
			return err
		}
		page, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		packed, err := gzipped(page)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path+".gz", packed, 0o644); err != nil {
			return err
		}
		return os.Remove(path)
	})
}

func (r *release) epoch() string { return fmt.Sprint(r.version.time.Unix()) }
