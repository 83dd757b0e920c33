package lifecycle

// recommendations are the rows of docs/lifecycle.md, after NISTIR 7966. Row 0 is none.
var recommendations = [...]string{
	1:  "Inventory of identity keys",
	2:  "Inventory of authorised keys",
	3:  "Map of trust and routes to root",
	4:  "Owner, purpose and ticket of every key",
	5:  "Approval by a second person",
	6:  "Provision with least rights",
	7:  "Restriction of the source (from=)",
	8:  "Restriction of the command",
	9:  "Separate keys for people and programs",
	10: "Protection of private keys",
	11: "Strength of keys",
	12: "Age and rotation",
	13: "Unused keys",
	14: "Orphaned keys",
	15: "Termination",
	16: "Keys that nobody approved",
	17: "Continuous monitoring",
	18: "Protected place of authorised keys",
	19: "Control of pivoting",
	20: "Host keys",
	21: "Secure configuration",
	22: "Evidence for an auditor",
}

// Recommendation is what a row of findings asks for; "" if there is no such row.
func Recommendation(row int) string {
	if row < 1 || row >= len(recommendations) {
		return ""
	}
	return recommendations[row]
}
