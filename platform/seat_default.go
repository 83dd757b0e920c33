//go:build !linux

package platform

import "os"

func openTerminal(Peer) (*os.File, error) { return nil, errNoSeat }
func sits(Peer) error                     { return errNoSeat }
func announce(string, string) int         { return 0 }
func dropTyped(*os.File) error            { return nil }
