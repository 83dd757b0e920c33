// Package docs holds the pages that become manual pages of section 5.
package docs

import _ "embed"

// Config and Policy are Markdown.
var (
	//go:embed config.md
	Config string
	//go:embed policy.md
	Policy string
)
