package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// components writes a CycloneDX list of the modules in the programs.
func (r *release) components() error {
	for _, program := range programs {
		list := exec.Command("go", "tool", "-modfile=tools/go.mod", "cyclonedx-gomod", "app", "-json", "-licenses", "-noserial", "-notimestamp", "-std",
			"-assert-licenses", "-main", "cmd/"+program, "-output", filepath.Join(r.out, program+".cdx.json"))
		list.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "SOURCE_DATE_EPOCH="+r.epoch())
		if err := quiet(list); err != nil {
			return err
		}
	}
	return nil
}

// sums writes SHA256SUMS, as sha256sum -c reads it.
func (r *release) sums() error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		sum, err := sumOf(filepath.Join(r.out, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%s  %s\n", sum, entry.Name())
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(lines.String()), 0o644)
}

func sumOf(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
