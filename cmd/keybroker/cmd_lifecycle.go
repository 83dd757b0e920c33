package main

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"

	"github.com/keybroker/keybroker/platform"
	"github.com/spf13/cobra"
)

// lifecycleProgram carries the commands about the life of a key. It is installed beside
// this program, which holds keys and links neither SQL nor SFTP nor HTML.
const lifecycleProgram = "keybroker-lifecycle"

// lifecycleCommands are the commands of lifecycleProgram, as its own help describes them.
var lifecycleCommands = []struct{ name, short string }{
	{"inventory", "Find your keys, where they lie, where they open doors, and what is wrong with that"},
	{"collect", "On a server: note who is let in to every account, and which keys were used"},
	{"provision", "Let a key in at accounts on hosts, and prove that the server takes it"},
	{"rotate", "Put another key in a key's place everywhere, each step proved"},
	{"terminate", "Take a key away from hosts, and prove that the servers refuse it"},
	{"restore", "Bring back what terminate or rotate has commented out"},
	{"plan", "Write a change of keys on hosts into a file, for others to approve"},
	{"apply", "Carry out a plan file that has the approvals it needs, or go on with a plan"},
	{"proof", "Check the proof of a change on hosts"},
	{"forge", "List, add and delete your keys at GitHub, GitLab, Gitea or Forgejo"},
	{"report", "Show the last inventory: what is used, what is not, and what to do"},
}

// newLifecycleCommands hand their arguments, help and completion to lifecycleProgram.
func newLifecycleCommands(a *app) (list []*cobra.Command) {
	for _, c := range lifecycleCommands {
		cmd := &cobra.Command{
			Use:                c.name + " ...",
			Short:              c.short,
			DisableFlagParsing: true,
			RunE:               func(_ *cobra.Command, args []string) error { return a.becomeLifecycle(c.name, args) },
			ValidArgsFunction: func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
				return completeLifecycle(c.name, args, word)
			},
		}
		cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
			if err := a.becomeLifecycle(c.name, []string{"--help"}); err != nil {
				cmd.PrintErrln("keybroker:", platform.Text(err))
			}
		})
		list = append(list, cmd)
	}
	return list
}

func (a *app) becomeLifecycle(name string, args []string) error {
	program, err := besideMe(lifecycleProgram)
	if err != nil {
		return err
	}
	all := append([]string{name}, args...)
	if a.configFile != "" {
		all = append([]string{"--config", a.configFile}, all...)
	}
	return platform.Become(program, all...)
}

// completeLifecycle asks lifecycleProgram, as a shell asks this one: lines, and last a
// directive as :NUMBER.
func completeLifecycle(name string, args []string, word string) ([]string, cobra.ShellCompDirective) {
	program, err := besideMe(lifecycleProgram)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	ask := platform.Command(context.Background(), program, append([]string{cobra.ShellCompRequestCmd, name}, append(args, word)...)...)
	ask.Env = os.Environ()
	out, err := ask.Output()
	lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
	last := len(lines) - 1
	directive, wrong := strconv.Atoi(strings.TrimPrefix(lines[last], ":"))
	if err != nil || wrong != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return lines[:last], cobra.ShellCompDirective(directive)
}

// writeLifecyclePages writes the manual pages of lifecycleProgram's commands, or says
// that it cannot.
func writeLifecyclePages(cmd *cobra.Command, dir string) error {
	program, err := besideMe(lifecycleProgram)
	if err != nil {
		cmd.PrintErrln("keybroker: the pages about the life of a key are missing:", platform.Text(err))
		return nil
	}
	write := platform.Command(context.Background(), program, "man", dir)
	write.Stderr = os.Stderr
	return write.Run()
}
