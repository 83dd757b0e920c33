package platform

// What a person types on this system for what a remedy asks for.
const (
	InstallSSH        = "Add-WindowsCapability -Online -Name OpenSSH.Client~~~~0.0.1.0, as administrator"
	InstallSmartcards = "winscard.dll is a part of Windows: sfc /scannow, as administrator"
	StartSmartcards   = "Start-Service SCardSvr, as administrator (it also starts when a reader is plugged in)"
	RestartSmartcards = "Restart-Service SCardSvr, as administrator"
	AllowSmartcards   = "look who may use the service: sc.exe sdshow SCardSvr"
	RestartBroker     = "end it in the Task Manager and run: keybroker daemon"
	StartKeychain     = "log in to Windows again: DPAPI is a part of each login"
)
