package platform

// SystemLog writes a line to the log that the system keeps, which this user cannot
// change: the journal of systemd with the given MESSAGE_ID, or else syslog. It
// returns which one took it.
func SystemLog(text, id string) (where string, err error) { return systemLog(text, id) }
