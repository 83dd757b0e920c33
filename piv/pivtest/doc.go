// Package pivtest has a virtual PIV card (NIST SP 800-73-5) that plugs into the
// real pcscd through vsmartcard's reader driver vpcd, and the rig that runs
// such a pcscd apart from the machine's own.
//
// A Card plays one of two characters: YubiKey5 and GovernmentPIV. It is for
// tests: its keys are files in clear, and its PINs are well known.
//
//	rig := pivtest.NewRig(t)                      // pcscd with four empty readers
//	card, _ := pivtest.New(pivtest.Config{Character: pivtest.YubiKey5()})
//	card.Provision(0x9a, pivtest.AlgP256, pivtest.Policy{})
//	rig.Slot(0).Insert(card)                      // now in "Yubico YubiKey … 00 00"
//	rig.Env()                                     // for programs that shall see it
package pivtest
