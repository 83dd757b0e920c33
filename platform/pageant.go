package platform

import "net"

// ListenPageant serves the clients of PuTTY's Pageant, of which WinSCP, FileZilla and
// TortoiseGit are some, at both places where they look: a named pipe (since PuTTY 0.75)
// and the messages of a hidden window. Only programs of this user are served. If
// another Pageant runs, it returns ErrInUse. It is errors.ErrUnsupported except on
// Windows.
func ListenPageant() ([]net.Listener, error) { return listenPageant() }

// ListenCygwin serves programs that are made for Cygwin or MSYS, such as the ssh of Git
// for Windows, by the socket file at path. Only programs of this user are served. A
// socket file that another program left there is replaced, any other file is not. It is
// errors.ErrUnsupported except on Windows.
func ListenCygwin(path string) (net.Listener, error) { return listenCygwin(path) }
