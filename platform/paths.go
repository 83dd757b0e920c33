package platform

// Paths is where the daemon and its clients find each other and their files.
// Each is absolute; none is made by DefaultPaths.
type Paths struct {
	AgentSocket   string // what SSH_AUTH_SOCK is set to
	ControlSocket string
	ConfigFile    string // the user's config.toml
	MachinePolicy string // rules of the machine's owner; no environment variable moves it
	DataDir       string // sealed keys
	StateDir      string // audit log
	RuntimeDir    string // sockets; on Windows, files of a running broker beside its pipes
}

// DefaultPaths follows the XDG base directory specification, and the usual
// places on macOS and Windows. It returns an error when the user's own
// directory is not known.
func DefaultPaths() (Paths, error) { return defaultPaths() }

// Socket returns the default path of a separate socket that has a name but no
// path. The name is a plain word.
func (p Paths) Socket(name string) string { return p.socket(name) }

// SystemSSH is the directory of the files that OpenSSH keeps for the machine;
// "" when it is not known.
func SystemSSH() string { return systemSSH() }
