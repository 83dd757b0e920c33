package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	linkTo = regexp.MustCompile(`(?:href|src)="([^"]+)"`)
	named  = regexp.MustCompile(`\bid="([^"]+)"`)
)

// check follows each link of the site that stays in it, to its file and its heading.
func check(out string) error {
	var faults []error
	err := filepath.WalkDir(out, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".html") {
			return err
		}
		data, err := os.ReadFile(path)
		for _, match := range linkTo.FindAllStringSubmatch(string(data), -1) {
			if fault := follow(path, match[1]); fault != nil {
				faults = append(faults, fault)
			}
		}
		return err
	})
	return errors.Join(append(faults, err)...)
}

func follow(from, link string) error {
	target, err := url.Parse(strings.ReplaceAll(link, "&amp;", "&"))
	if err != nil || target.Scheme != "" {
		return err
	}
	path := from
	if target.Path != "" {
		path = filepath.Join(filepath.Dir(from), filepath.FromSlash(target.Path))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s: dead link %s", from, link)
	}
	if target.Fragment == "" {
		return nil
	}
	for _, match := range named.FindAllStringSubmatch(string(data), -1) {
		if match[1] == target.Fragment {
			return nil
		}
	}
	return fmt.Errorf("%s: %s has no heading %s", from, path, target.Fragment)
}
