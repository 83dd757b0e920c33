package service

import (
	"path/filepath"
	"strings"
)

// autostartChanges have the desktop start programs at login (the XDG autostart
// specification): the tray, and where systemd does not start it, the broker.
func (p Place) autostartChanges(o Options) []Change {
	dir := filepath.Join(p.Config, "autostart")
	var list []Change
	if o.Start == Autostart {
		list = append(list, Change{Kind: File, Path: filepath.Join(dir, "keybroker.desktop"), Text: p.desktopFile("keybroker.desktop"), Why: "the desktop starts the broker at login"})
	}
	if p.Desktop != "" && !isFile(p.Root+"/etc/xdg/autostart/keybroker-tray.desktop") {
		list = append(list, Change{Kind: File, Path: filepath.Join(dir, "keybroker-tray.desktop"), Text: p.desktopFile("keybroker-tray.desktop"), Why: "the desktop shows the tray icon at login"})
	}
	return list
}

func (p Place) desktopFile(name string) string {
	return strings.Replace(shipped("autostart/"+name), "\nExec=keybroker ", "\nExec="+execWord(p.Program)+" ", 1)
}

// execWord writes a word of Exec= (Desktop Entry Specification, "The Exec key"): the
// quoting of the word, and then that of strings in such a file.
func execWord(word string) string {
	if unitWord(word) == word && !strings.ContainsAny(word, "~%") {
		return word
	}
	word = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`, `%`, `%%`).Replace(word)
	return strings.ReplaceAll(`"`+word+`"`, `\`, `\\`)
}
