// Command agentconform checks an ssh-agent of any make against RFC 9987 and OpenSSH's
// extensions, rule by rule.
package main

import (
	"errors"
	"os"

	"github.com/keybroker/keybroker/cli"
	programversion "github.com/keybroker/keybroker/cli/version"
	"github.com/keybroker/keybroker/platform"
	"github.com/keybroker/keybroker/platform/terminal"
	"github.com/spf13/cobra"
)

var version = programversion.String()

func main() { os.Exit(cli.Run(newRoot(), os.Args[1:], errorText, exitCode)) }

func errorText(err error) string {
	if errors.Is(err, terminal.ErrInterrupted) {
		return "interrupted: the test keys are removed"
	}
	return platform.Text(err)
}

func exitCode(err error) int {
	if errors.Is(err, errNoAgent) {
		return cli.ExitNotRunning
	}
	return cli.ExitCode(err)
}

const long = `agentconform tries an ssh-agent of any make against RFC 9987, OpenSSH's PROTOCOL.agent and
what OpenSSH's own agent does. Each rule has a name, the section that it is from, a level,
a result, and for a failure the bytes that show it.

  MUST     RFC 9987 demands it
  SHOULD   RFC 9987 recommends it
  OpenSSH  PROTOCOL.agent, or what clients of OpenSSH's agent are used to
  advice   in no specification: what a careful agent does

An agent that is running, such as the one that you work with, stays as it is: without
more flags only rules that change nothing are tried. --add-keys allows those that add keys
of their own and remove them again (an agent that keeps added keys on the disk, such as
gpg-agent, or that asks a person for each, may not be what you want them in). --destructive
allows also those that remove all keys, lock the agent or exhaust it; an agent that takes ssh-add -X for a
card's PIN, such as pivy-agent, would use up the tries of the PIN.

With --start everything is tried, on an agent that agentconform starts itself in a
directory that is its HOME and is deleted afterwards. In COMMAND and in the address,
{dir} is that directory and {socket} the socket below it. Without an address and {socket},
the socket is what the command prints, as ssh-agent does.

Test keys are made for each run, and private halves are cut out of what is shown.`

const examples = `  agentconform                                      the agent of SSH_AUTH_SOCK, which stays as it is
  agentconform --start 'ssh-agent -D -a {socket}'
  agentconform --start ssh-agent --only 'lock*' --format tap
  agentconform 'unix:{dir}/S.gpg-agent.ssh' --start 'gpg-agent --homedir {dir} --enable-ssh-support --daemon'
  agentconform pipe:openssh-ssh-agent --profile windows.profile --format junit`

// manEnd ends the manual page.
const manEnd = `.SH FILES
A profile says what an agent chooses not to do. Each line is a rule or a pattern, a colon and the reason:
.PP
.nf
# mine.profile
remove-all-forwarded: a far host could take the keys away
sk-*: no security keys
.fi
.PP
Such a rule that fails is "declined", and counted apart. A MUST cannot be declined.
.SH EXIT STATUS
.TP
0
no MUST failed
.TP
1
a MUST failed, or the agent could not be started
.TP
2
wrong usage
.TP
4
there is no agent at that address
`

func newRoot() *cobra.Command {
	o := new(options)
	root := &cobra.Command{
		Use:           "agentconform [unix:PATH|pipe:NAME]",
		Short:         "Check an ssh-agent against RFC 9987 and OpenSSH's extensions",
		Long:          long,
		Example:       examples,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cli.AtMost(1),
		Annotations:   map[string]string{cli.ManEnd: manEnd},
		RunE:          func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	o.flags(root)
	root.AddCommand(newManCommand(), newPageCommand())
	cli.Prepare(root)
	return root
}

// newManCommand is for packages.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "Write the manual page into a directory",
		Hidden: true,
		Args:   cli.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cli.WriteManPages(cmd.Root(), args[0], version)
		},
	}
}
