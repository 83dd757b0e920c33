package main

import (
	"crypto/fips140"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/keybroker/keybroker/cli"
	programversion "github.com/keybroker/keybroker/cli/version"
	"github.com/keybroker/keybroker/keys"
	"github.com/keybroker/keybroker/piv"
	"github.com/spf13/cobra"
)

// versions is what "version --json" prints.
type versions struct {
	Version  string         `json:"version"`
	Commit   string         `json:"commit,omitempty"`
	Go       string         `json:"go"`
	OS       string         `json:"os"`
	Arch     string         `json:"arch"`
	Features features       `json:"features"`
	Running  *runningBroker `json:"running"` // null: none answers
}

type features struct {
	Cards     bool `json:"cards"`     // built with smartcard support
	Desktop   bool `json:"desktop"`   // keybroker-desktop is beside this program
	Lifecycle bool `json:"lifecycle"` // keybroker-lifecycle is beside this program
	FIPS140   bool `json:"fips140"`   // Go's FIPS 140-3 mode is on
}

type runningBroker struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

func newVersionCommand(a *app) *cobra.Command {
	return a.TableFlags(&cobra.Command{
		Use:   "version",
		Short: "Show the version of this program and of the running broker",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := thisVersion()
			v.Running = a.runningVersion(cmd)
			return a.Print(cmd, v, func(w *cli.Table) { printVersion(w, v) })
		},
	})
}

func thisVersion() versions {
	_, noDesktop := besideMe(desktopProgram)
	_, noLifecycle := besideMe(lifecycleProgram)
	return versions{
		Version: version, Commit: programversion.Commit(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Features: features{Cards: piv.CompiledIn, Desktop: noDesktop == nil, Lifecycle: noLifecycle == nil, FIPS140: fips140.Enabled()},
	}
}

// runningVersion is nil if no broker answers: this command works without one.
func (a *app) runningVersion(cmd *cobra.Command) *runningBroker {
	client, err := a.client()
	if err != nil {
		return nil
	}
	status, err := client.Status(cmd.Context())
	if err != nil {
		return nil
	}
	return &runningBroker{status.Version, status.PID, status.Started}
}

func printVersion(w *cli.Table, v versions) {
	w.Row("version", v.Version)
	w.Row("commit", v.Commit)
	w.Row("built with", v.Go+" for "+v.OS+"/"+v.Arch)
	w.Row("features", v.Features.String())
	if r := v.Running; r != nil {
		w.Row("broker", "version "+r.Version+", process "+strconv.Itoa(r.PID)+", started "+keys.Ago(time.Now(), r.Started))
	} else {
		w.Row("broker", "none answers")
	}
}

func (f features) String() string {
	var names []string
	for _, feature := range []struct {
		name string
		has  bool
	}{{"cards", f.Cards}, {"desktop", f.Desktop}, {"lifecycle", f.Lifecycle}, {"FIPS 140-3", f.FIPS140}} {
		if feature.has {
			names = append(names, feature.name)
		}
	}
	return strings.Join(names, ", ")
}
