// Package packaging holds the files that an installation puts on a system. Packages
// install them as they are; "keybroker service install" writes them with its own path.
package packaging

import "embed"

// Files has the directories systemd, autostart and launchd.
//
//go:embed systemd autostart launchd
var Files embed.FS
