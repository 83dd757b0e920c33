package main

import (
	"bytes"
	_ "embed"
	"html/template"
	"path"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// menu are the pages that each page leads to.
var menu = [][2]string{
	{"README.md", "keybroker"}, {"docs/tasks/README.md", "By task"}, {"docs/guide.md", "Guide"}, {"docs/service.md", "At login"}, {"docs/servers.md", "Servers"}, {"docs/packaging.md", "Packages"},
	{"docs/config.md", "Configuration"}, {"docs/policy.md", "Rules"}, {"docs/cards.md", "Smartcards"}, {"docs/keys.md", "Key files"},
	{"docs/clients.md", "Clients"}, {"docs/audit-log.md", "Audit log"}, {"docs/lifecycle.md", "Life of a key"}, {"docs/fleet.md", "A fleet"},
	{"docs/threat-model.md", "Threat model"}, {"docs/decisions/README.md", "Decisions"}, {"CONTRIBUTING.md", "Contributing"},
}

// render makes HTML of a page. Raw HTML in it is left out.
func render(source string, data []byte) ([]byte, error) {
	markdown := goldmark.New(goldmark.WithExtensions(extension.GFM),
		goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithASTTransformers(util.Prioritized(relinker{}, 100))))
	context := parser.NewContext(parser.WithIDs(&ids{}))
	var body, out bytes.Buffer
	if err := markdown.Convert(data, &body, parser.WithContext(context)); err != nil {
		return nil, err
	}
	type entry struct {
		Link, Name string
		Here       bool
	}
	var entries []entry
	for _, item := range menu {
		entries = append(entries, entry{relative(source, pageOf(item[0])), item[1], item[0] == source})
	}
	err := page.Execute(&out, map[string]any{"Title": titleOf(data), "Menu": entries, "Body": template.HTML(body.String())})
	return out.Bytes(), err
}

func titleOf(data []byte) string {
	title, _, _ := strings.Cut(strings.TrimPrefix(string(data), "# "), "\n")
	return strings.ReplaceAll(title, "`", "")
}

// relative is a link from one page to another of the site.
func relative(source, target string) string {
	return strings.Repeat("../", strings.Count(source, "/")) + target
}

// relinker lets links to Markdown files lead to their pages.
type relinker struct{}

func (relinker) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	_ = ast.Walk(doc, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if link, ok := node.(*ast.Link); ok && entering {
			link.Destination = []byte(relink(string(link.Destination)))
		}
		return ast.WalkContinue, nil
	})
}

// relink also turns a directory's name into that of its index.
func relink(link string) string {
	if strings.Contains(link, "://") {
		return link
	}
	target, anchor, found := strings.Cut(link, "#")
	if path.Ext(target) == "" && target != "" && path.Base(target) != "LICENSE" {
		target = strings.TrimSuffix(target, "/") + "/README.md"
	}
	target = pageOf(target)
	if found {
		return target + "#" + anchor
	}
	return target
}

// ids are the names of headings, as GitHub makes them.
type ids struct{ taken map[string]bool }

var notInName = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

func (i *ids) Generate(value []byte, _ ast.NodeKind) []byte {
	name := strings.ReplaceAll(notInName.ReplaceAllString(strings.ToLower(string(value)), ""), " ", "-")
	for i.taken[name] {
		name += "-1"
	}
	i.Put([]byte(name))
	return []byte(name)
}

func (i *ids) Put(value []byte) {
	if i.taken == nil {
		i.taken = map[string]bool{}
	}
	i.taken[string(value)] = true
}
