package platform

import (
	"slices"
	"strings"

	"golang.org/x/sys/windows"
)

// systemDirectories come from the system, because the user controls the environment.
func systemDirectories() []string {
	var dirs []string
	for _, id := range []*windows.KNOWNFOLDERID{windows.FOLDERID_Windows, windows.FOLDERID_ProgramFiles, windows.FOLDERID_ProgramFilesX86} {
		if dir, err := windows.KnownFolderPath(id, 0); err == nil && dir != "" {
			dirs = append(dirs, foldPath(dir)+`\`)
		}
	}
	return slices.Compact(dirs)
}

func foldPath(path string) string { return strings.ToLower(path) }
