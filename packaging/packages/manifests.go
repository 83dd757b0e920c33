package main

import (
	"bytes"
	"embed"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// Manifests that other package managers take: Homebrew's formula, Scoop's JSON, and the
// three files of winget.
//
//go:embed templates
var templates embed.FS

// downloads is where a release's files are.
const downloads = "https://github.com/keybroker/keybroker/releases/download/"

// manifests fills the templates in. They name the checksums of archives, which must be
// there already.
func (r *release) manifests() error {
	all, err := template.New("").Funcs(template.FuncMap{"url": r.url, "sha256": r.archiveSum, "upper": strings.ToUpper}).ParseFS(templates, "templates/*")
	if err != nil {
		return err
	}
	for _, t := range all.Templates() {
		if t.Name() == "" {
			continue
		}
		var text bytes.Buffer
		values := map[string]string{"Version": r.version.plain(), "Tag": r.version.text, "Date": r.version.time.Format("2006-01-02")}
		if err := t.Execute(&text, values); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(r.out, t.Name()), text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) url(os, arch string) string {
	return downloads + r.version.text + "/" + r.archiveName(target{os: os, arch: arch})
}

func (r *release) archiveSum(os, arch string) (string, error) {
	return sumOf(filepath.Join(r.out, r.archiveName(target{os: os, arch: arch})))
}
