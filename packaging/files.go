// Package packaging holds the files that an installation puts on a system. Packages
// install them as they are; "keybroker service install" writes them with its own path.
package packaging

import "embed"

// Files has the directories systemd and autostart.
//
//go:embed systemd autostart
var Files embed.FS
