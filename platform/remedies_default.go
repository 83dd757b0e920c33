//go:build !windows && !darwin

package platform

// What a person types on this system for what a remedy asks for.
const (
	InstallSSH        = "apt install openssh-client"
	InstallSmartcards = "apt install libpcsclite1 pcscd"
	StartSmartcards   = "systemctl start pcscd.socket (package pcscd)"
	RestartSmartcards = "systemctl restart pcscd"
	AllowSmartcards   = "check its polkit rules (org.debian.pcsc-lite.access_pcsc) and the permissions of pcscd's socket"
	RestartBroker     = "systemctl --user restart keybroker.service, or end it and run: keybroker daemon"
	StartKeychain     = "start gnome-keyring, KWallet or KeePassXC's Secret Service in this session"
)
