package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// ManEnd is the annotation of a command whose page ends with other sections than those
// of all commands.
const ManEnd = "man-end"

// The last sections of a command's page (man-pages(7)).
const (
	manExit = `.SH EXIT STATUS
.TP
0
done
.TP
1
failed
.TP
2
wrong usage, or an error in a configuration file
.TP
3
refused by a rule or by the person
.TP
4
the broker is not running
`
	manFiles = `.SH FILES
.TP
.I $XDG_CONFIG_HOME/keybroker/config.toml
the configuration: keybroker-config(5), keybroker-policy(5)
.TP
.I /etc/keybroker/policy.toml
the rules of the machine's owner, which come first
.TP
.I $XDG_RUNTIME_DIR/keybroker/agent.sock
the agent's socket
.TP
.I $XDG_DATA_HOME/keybroker/
the vault and the sealed keys
.TP
.I $XDG_STATE_HOME/keybroker/audit/
the audit log
`
)

// WriteManPages writes a manual page of section 1 for cmd and each command below it
// into dir.
func WriteManPages(cmd *cobra.Command, dir, version string) error {
	if cmd.HasParent() && (!cmd.IsAvailableCommand() || cmd.IsAdditionalHelpTopicCommand()) || cmd.DisableFlagParsing && cmd.Annotations[ManEnd] == "" {
		return nil
	}
	var page bytes.Buffer
	header := &doc.GenManHeader{Section: "1", Source: "keybroker " + version, Manual: "keybroker"}
	if err := doc.GenMan(cmd, header, &page); err != nil {
		return err
	}
	if end := cmd.Annotations[ManEnd]; end != "" {
		page.WriteString(end)
	} else {
		page.WriteString(manExit + manFiles)
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
	if err := os.WriteFile(filepath.Join(dir, name), page.Bytes(), 0o644); err != nil {
		return err
	}
	for _, sub := range cmd.Commands() {
		if err := WriteManPages(sub, dir, version); err != nil {
			return err
		}
	}
	return nil
}
