package platform

// What a person types on this system for what a remedy asks for.
const (
	InstallSSH        = "macOS has it: put /usr/bin into PATH"
	InstallSmartcards = "PCSC.framework is a part of macOS: install its updates"
	StartSmartcards   = "plug the reader in again: macOS starts the service with it"
	RestartSmartcards = "restart the computer"
	AllowSmartcards   = "allow the program in System Settings, Privacy & Security"
	RestartBroker     = "launchctl kickstart -k gui/$(id -u)/io.github.keybroker.daemon, or end it and run: keybroker daemon"
	StartKeychain     = "unlock the login keychain in Keychain Access"
)
