package piv

// takesExtended reports whether the answer to reset declares extended length (ISO
// 7816-4 section 8.1.1.2.7: third software function table, bit 7). Other cards get
// short APDUs.
func takesExtended(atr []byte) bool {
	for h := historical(atr); len(h) > 0; {
		tag, n := h[0]>>4, int(h[0]&0xF)
		if len(h) < 1+n {
			return false
		}
		if tag == 7 && n == 3 {
			return h[3]&0x40 != 0
		}
		h = h[1+n:]
	}
	return false
}

// historical returns the compact TLV objects in the historical bytes, if the
// category indicator is 80 or 00 (ISO 7816-3 section 8.2).
func historical(atr []byte) []byte {
	if len(atr) < 2 {
		return nil
	}
	count := int(atr[1] & 0xF)
	at, more := 2, atr[1]>>4
	for more != 0 {
		interfaceBytes := 0
		for bit := byte(1); bit < 16; bit <<= 1 {
			if more&bit != 0 {
				interfaceBytes++
			}
		}
		last := at + interfaceBytes - 1 // TDi is the last of its group
		if last >= len(atr) {
			return nil
		}
		if more&8 == 0 {
			more = 0
		} else {
			more = atr[last] >> 4
		}
		at = last + 1
	}
	if at+count > len(atr) || count == 0 || atr[at]&0x7F != 0 {
		return nil
	}
	return atr[at+1 : at+count]
}
