package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	mdLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	mdFence   = regexp.MustCompile("(?ms)^ {0,3}```.*?^ {0,3}```")
	mdSpan    = regexp.MustCompile("`[^`\n]*`")
	mdHeading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	notInSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	linkText  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// pages are the Markdown files of the project, below its root.
func pages(t *testing.T) (list []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "build" || strings.HasPrefix(entry.Name(), ".") && path != "..") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			list = append(list, path)
		}
		return nil
	})
	if err != nil || len(list) < 20 {
		t.Fatalf("%d pages: %v", len(list), err)
	}
	return list
}

// Every link in a page leads to a file of the project, and to a heading that is there.
func TestLinks(t *testing.T) {
	count := 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range linksOf(string(text)) {
			if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			count++
			if fault := linkFault(page, link); fault != "" {
				t.Errorf("%s: the link %s: %s", page, link, fault)
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d links were found", count)
	}
}

// linksOf leaves blocks and spans of code out.
func linksOf(text string) (links []string) {
	text = mdFence.ReplaceAllString(text, "")
	for _, match := range mdLink.FindAllStringSubmatch(mdSpan.ReplaceAllString(text, "code"), -1) {
		links = append(links, match[1])
	}
	return links
}

func linkFault(page, link string) string {
	path, anchor, _ := strings.Cut(link, "#")
	target := page
	if path != "" {
		target = filepath.Join(filepath.Dir(page), filepath.FromSlash(path))
	}
	if _, err := os.Stat(target); err != nil {
		return "there is no such file"
	}
	if anchor == "" {
		return ""
	}
	text, err := os.ReadFile(target)
	if err != nil || !anchors(string(text))[anchor] {
		return "there is no such heading"
	}
	return ""
}

// anchors are the names of the headings, as GitHub makes them.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, match := range mdHeading.FindAllStringSubmatch(mdFence.ReplaceAllString(text, ""), -1) {
		title := linkText.ReplaceAllString(match[1], "$1")
		name := strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
		names[name] = true
	}
	return names
}

func TestLinkFaults(t *testing.T) {
	for link, dead := range map[string]bool{
		"guide.md": false, "guide.md#keys": false, "#keys": false, "nosuch.md": true, "guide.md#nosuch": true, "#nosuch": true, "../README.md": false,
		"policy.md#allow-for-15-minutes": false,
	} {
		if fault := linkFault("guide.md", link); (fault != "") != dead {
			t.Errorf("%s: %q", link, fault)
		}
	}
	if got := linksOf("[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n[`g`](h.md)"); strings.Join(got, " ") != "b.md h.md" {
		t.Error(got)
	}
}
