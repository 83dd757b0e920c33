// Command site makes a static site of the pages of the project: README.md and docs/**/*.md. It ends
// with an error if a link in what it wrote leads nowhere.
//
//	go run ./packaging/site PROJECT OUT
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: site PROJECT OUT")
		os.Exit(2)
	}
	count, err := build(os.Args[1], os.Args[2])
	if err == nil {
		err = check(os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
	fmt.Printf("%d pages, no dead link: %s\n", count, filepath.Join(os.Args[2], "index.html"))
}

// build writes a page for each Markdown file, and copies the pictures.
func build(project, out string) (count int, err error) {
	if err := os.RemoveAll(out); err != nil {
		return 0, err
	}
	sources, err := sourcesOf(project)
	if err != nil {
		return 0, err
	}
	for _, source := range sources {
		data, err := os.ReadFile(filepath.Join(project, source))
		if err != nil {
			return 0, err
		}
		if strings.HasSuffix(source, ".md") {
			count++
			if data, err = render(source, data); err != nil {
				return 0, fmt.Errorf("%s: %w", source, err)
			}
		}
		target := filepath.Join(out, filepath.FromSlash(pageOf(source)))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return 0, err
		}
		if err := os.WriteFile(target, data, 0o644); err != nil {
			return 0, err
		}
	}
	return count, nil
}

// sourcesOf are the files of the site, below project, with slashes.
func sourcesOf(project string) (list []string, err error) {
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"} {
		if _, err := os.Stat(filepath.Join(project, name)); err == nil {
			list = append(list, name)
		}
	}
	err = filepath.WalkDir(filepath.Join(project, "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".go") {
			return err
		}
		name, err := filepath.Rel(project, path)
		list = append(list, filepath.ToSlash(name))
		return err
	})
	return list, err
}

// pageOf is the path of a source in the site: README.md is the index of its directory.
func pageOf(source string) string {
	if base, ok := strings.CutSuffix(source, "README.md"); ok {
		return base + "index.html"
	}
	if base, ok := strings.CutSuffix(source, ".md"); ok {
		return base + ".html"
	}
	return source
}
