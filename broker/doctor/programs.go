package doctor

import (
	"fmt"
	"os"

	"github.com/keybroker/keybroker/confirm/ways"
	"github.com/keybroker/keybroker/platform"
)

// checkPrograms reports who could change our programs or reach them as they start.
func (p *Patient) checkPrograms() []Check {
	self, err := os.Executable()
	if err != nil {
		return []Check{noted("programs", "the path of this program is unknown: "+platform.Plain(err), "")}
	}
	checks := []Check{checkProgram(self)}
	window, err := ways.WindowProgram(p.Config.Confirm.Window)
	if _, missing := os.Stat(window); err == nil && missing == nil { // without it the broker asks in another way: see "prompt"
		checks = append(checks, checkProgram(window))
	}
	if scope := platform.PtraceScope(); scope != "" {
		checks = append(checks, fine("tracing", scope))
	}
	return checks
}

func checkProgram(path string) Check {
	info, err := os.Stat(path)
	if err != nil {
		return noted("program", platform.Plain(err), "")
	}
	text := fmt.Sprintf("%s, mode %04o", path, info.Mode().Perm())
	program, err := platform.LoadProgram(path)
	if err != nil {
		return failed("program", err)
	}
	defer program.Close()
	switch gap := program.Gap(); {
	case gap != nil:
		return noted("program", text+": other programs of yours can reach it as it starts: "+platform.Plain(gap), "")
	case !program.Unreadable():
		return noted("program", text+": other programs of yours can reach it as it starts, unless the broker starts it",
			"as root: make install (owner root, mode 0711)")
	}
	return fine("program", text)
}
