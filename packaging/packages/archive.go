package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// archived is a file of an archive.
type archived struct {
	path string // in the archive
	from string
	mode fs.FileMode
}

func (r *release) archives() error {
	for _, t := range targets {
		if err := r.archive(t); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) archiveName(t target) string {
	name := "keybroker_" + r.version.plain() + "_" + t.String()
	if t.os == "windows" {
		return name + ".zip"
	}
	return name + ".tar.gz"
}

func (r *release) archive(t target) error {
	files, err := r.archivedFiles(t)
	if err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(r.out, r.archiveName(t)))
	if err != nil {
		return err
	}
	write := r.writeTar
	if t.os == "windows" {
		write = r.writeZip
	}
	if err := write(out, files); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// archivedFiles lists what an archive has, below one directory, as it is laid out below a
// prefix. On Windows the programs are in that directory itself.
func (r *release) archivedFiles(t target) ([]archived, error) {
	dir := "keybroker-" + r.version.plain()
	files := []archived{{dir + "/LICENSE", "LICENSE", 0o644}, {dir + "/README.md", "README.md", 0o644}, {dir + "/CHANGELOG.md", "CHANGELOG.md", 0o644}}
	built, err := r.programsFor(t)
	if err != nil {
		return nil, err
	}
	bin := dir + "/bin/"
	if t.os == "windows" {
		bin = dir + "/"
	}
	for _, program := range programs {
		files = append(files, archived{bin + t.file(program), filepath.Join(built, t.file(program)), 0o755})
	}
	if t.os == "windows" {
		return files, nil
	}
	stage, err := r.staged()
	if err != nil {
		return nil, err
	}
	usr := filepath.Join(stage, "usr")
	return files, filepath.WalkDir(usr, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		inside := strings.TrimPrefix(path, usr)
		if t.os != "linux" && !strings.HasPrefix(inside, "/share/man/") && !strings.Contains(inside, "completions") && !strings.Contains(inside, "/zsh/") {
			return nil // systemd, and what desktops of Linux read
		}
		files = append(files, archived{dir + inside, path, 0o644})
		return nil
	})
}

func (r *release) writeTar(out io.Writer, files []archived) error {
	packed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(packed)
	for _, f := range files {
		info, err := os.Stat(f.from)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: f.path, Mode: int64(f.mode), Size: info.Size(), ModTime: r.version.time, Uname: "root", Gname: "root", Format: tar.FormatPAX}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if err := copyFile(w, f.from); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return packed.Close()
}

func (r *release) writeZip(out io.Writer, files []archived) error {
	w := zip.NewWriter(out)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.path, Method: zip.Deflate, Modified: r.version.time}
		header.SetMode(f.mode)
		entry, err := w.CreateHeader(header)
		if err != nil {
			return err
		}
		if err := copyFile(entry, f.from); err != nil {
			return err
		}
	}
	return w.Close()
}

func copyFile(w io.Writer, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.Copy(w, file); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
