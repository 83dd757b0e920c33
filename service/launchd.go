package service

import (
	"context"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/keybroker/keybroker/platform"
)

// The launchd agents of macOS. launchd passes sockets by a call of its library, which this
// program does not make: the broker itself makes its sockets, and runs from login on.
const (
	launchdDaemon      = "io.github.keybroker.daemon"
	launchdEnvironment = "io.github.keybroker.environment"
)

func (p Place) launchdChanges() []Change {
	return []Change{
		{Kind: File, Path: p.launchdFile(launchdDaemon), Text: p.plist(launchdDaemon), Why: "launchd starts the broker at login"},
		{Kind: File, Path: p.launchdFile(launchdEnvironment), Text: p.plist(launchdEnvironment), Why: "SSH_AUTH_SOCK for programs that the desktop starts"},
	}
}

func (p Place) launchdFile(label string) string {
	return filepath.Join(p.Home, "Library/LaunchAgents", label+".plist")
}

func (p Place) plist(label string) string {
	return strings.NewReplacer("@PROGRAM@", xmlText(p.Program), "@SOCKET@", xmlText(p.Paths.AgentSocket), "@LOG@", xmlText(filepath.Join(p.Home, "Library/Logs/keybroker.log"))).Replace(shipped("launchd/" + label + ".plist"))
}

func xmlText(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text))
	return out.String()
}

// launchctl adds the commands that make new agents hold at once.
func (p *Plan) launchctl(ctx context.Context, place Place) {
	domain := fmt.Sprintf("gui/%d", place.UID)
	for _, s := range p.Steps {
		label := strings.TrimSuffix(filepath.Base(s.Path), ".plist")
		if filepath.Ext(s.Path) != ".plist" || s.Action == Keep {
			continue
		}
		if s.Action == Update || s.Action == Remove {
			p.First = append(p.First, launchctlCommands(ctx, domain, label)...)
		}
		if s.Action != Remove {
			p.Commands = append(p.Commands, Command{Args: []string{"launchctl", "bootstrap", domain, s.Path}, Why: s.Why})
		}
	}
}

// launchctlCommands end an agent that is loaded.
func launchctlCommands(ctx context.Context, domain, label string) []Command {
	if platform.Command(ctx, "launchctl", "print", domain+"/"+label).Run() != nil {
		return nil
	}
	list := []Command{{Args: []string{"launchctl", "bootout", domain + "/" + label}, Why: "it ends"}}
	if label == launchdEnvironment {
		list = append(list, Command{Args: []string{"launchctl", "unsetenv", "SSH_AUTH_SOCK"}, Why: "the variable goes"})
	}
	return list
}
