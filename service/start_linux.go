package service

// systemStart is how this system starts programs of a person, where it is whole.
const systemStart = Systemd
