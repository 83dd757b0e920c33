package piv

import "strings"

// FASC-N in 5-bit digits: start sentinel, agency (4), FS, system (4), FS,
// credential (6), … (PACS 2.3 section 2.1). Each digit has odd parity and its
// least significant bit first.
const fascnBytes = 25

// fascnNonFederal begins the FASC-N of every non-federal card (agency and system
// 9999), so it identifies none of them.
const fascnNonFederal = "9999-9999-"

// FASCNString returns the first three numbers of a FASC-N, which identify a card
// within the federal government: "7000-0001-000042". It returns "" if they do not
// identify one card: all zero, those of non-federal cards, or malformed.
func FASCNString(fascn []byte) string {
	if len(fascn) != fascnBytes {
		return ""
	}
	var digits strings.Builder
	for i := 0; i < 17; i++ {
		value, ones := 0, 0
		for bit := 0; bit < 5; bit++ {
			at := i*5 + bit
			b := int(fascn[at/8]>>(7-at%8)) & 1
			ones += b
			if bit < 4 {
				value |= b << bit
			}
		}
		if ones%2 == 0 {
			return ""
		}
		digits.WriteByte("0123456789:SFFFE"[value])
	}
	d := digits.String()
	if d[0] != 'S' || d[5] != 'F' || d[10] != 'F' {
		return ""
	}
	for _, c := range d[1:5] + d[6:10] + d[11:17] {
		if c < '0' || c > '9' {
			return ""
		}
	}
	name := d[1:5] + "-" + d[6:10] + "-" + d[11:17]
	if strings.HasPrefix(name, fascnNonFederal) || strings.Trim(name, "0-") == "" {
		return ""
	}
	return name
}
