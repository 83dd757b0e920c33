package plan

// Namespaces of signatures (PROTOCOL.sshsig section 2), so that a signature for one
// purpose is none for another. Package sshsig makes and checks them.
const (
	PlanNamespace  = "keybroker-plan"
	ProofNamespace = "keybroker-proof"
)
