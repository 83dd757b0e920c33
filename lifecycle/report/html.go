package report

import (
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"html/template"
	"io"
	"math"
	"strconv"
)

var (
	//go:embed page/page.html
	pageText string
	//go:embed page/style.css
	styleText string
	//go:embed page/filter.js
	filterText string
)

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"used": used, "noun": noun,
	"style":  func() template.CSS { return template.CSS(styleText) },
	"script": func() template.JS { return template.JS(filterText) },
	"policy": policy,
	"px":     px,
	"pair":   func(a, b string) []string { return []string{a, b} },
}).Parse(pageText))

// policy is what the page may do: show itself. It has one style and one script, by
// their hashes. Nothing else runs, and nothing is loaded or sent.
func policy() string {
	return "default-src 'none'; style-src '" + sourceHash(styleText) + "'; script-src '" + sourceHash(filterText) + "'; base-uri 'none'; form-action 'none'"
}

func sourceHash(text string) string {
	digest := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(digest[:])
}

// px is a length without digits that nobody sees.
func px(length float64) string { return strconv.FormatFloat(math.Round(length*10)/10, 'f', -1, 64) }

// HTML writes the report as one page that needs nothing else.
func (r *Report) HTML(out io.Writer) error { return page.Execute(out, r) }
