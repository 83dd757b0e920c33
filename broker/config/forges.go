package config

import (
	"errors"
	"fmt"
	"strings"
)

// Forge is one [[forge]] table: a forge where the user has an account. The broker itself
// never talks to it.
type Forge struct {
	Kind      string `toml:"kind"`       // one of forgeKinds
	URL       string `toml:"url"`        // "https://git.example.com"
	TokenFile string `toml:"token_file"` // "": git's credential helper has the token
}

// forgeKinds are those of package forge. Forgejo speaks Gitea's interface.
var forgeKinds = []string{"github", "gitlab", "gitea"}

// checkForges finds the faults of [[forge]]. What an address may be, the program that
// sends the token there says.
func (c *Config) checkForges(file string, data []byte) error {
	var all []error
	seen := map[string]bool{}
	for i, f := range c.Forges {
		at := fmt.Sprintf("forge[%d]", i)
		all = append(all, oneOf(file, data, at+".kind", f.Kind, forgeKinds...), absolute(file, data, at+".token_file", f.TokenFile))
		if !strings.Contains(f.URL, "://") {
			all = append(all, errorAt(file, data, at+".url", fmt.Errorf("%.100q is not the address of a forge: write it as https://git.example.com", f.URL)))
		}
		address := strings.TrimRight(f.URL, "/")
		if seen[address] {
			all = append(all, errorAt(file, data, at+".url", fmt.Errorf("the forge %.100q is there twice", address)))
		}
		seen[address] = true
	}
	return errors.Join(all...)
}
