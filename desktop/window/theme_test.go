package window

import (
	"encoding/binary"
	"image/color"
	"math"
	"testing"
)

func TestIsDark(t *testing.T) {
	for _, test := range []struct {
		portal scheme
		theme  string
		want   bool
	}{
		{darkScheme, "Adwaita", true}, {lightScheme, "Adwaita:dark", false}, {noScheme, "Adwaita:dark", true}, {noScheme, "Adwaita", false},
	} {
		if got := (&display{}).isDark(test.portal, func(string) string { return test.theme }); got != test.want {
			t.Errorf("%d, %s: %v", test.portal, test.theme, got)
		}
	}
}

// setting is one XSETTINGS setting of type 0 (a number) or 1 (a string).
func setting(kind byte, name, value string) []byte {
	data := []byte{kind, 0}
	data = binary.LittleEndian.AppendUint16(data, uint16(len(name)))
	data = append(data, name...)
	data = append(data, make([]byte, padded(len(name))-len(name)+4)...) // with the serial
	if kind == 1 {
		data = binary.LittleEndian.AppendUint32(data, uint32(len(value)))
		return append(append(data, value...), make([]byte, padded(len(value))-len(value))...)
	}
	return append(data, 1, 2, 3, 4)
}

func TestStringSetting(t *testing.T) {
	data := make([]byte, 12)
	data = append(data, setting(0, "Xft/DPI", "")...)
	data = append(data, setting(1, "Net/IconThemeName", "Tango")...)
	data = append(data, setting(1, "Net/ThemeName", "Adwaita-dark")...)
	if got := stringSetting(data, "Net/ThemeName"); got != "Adwaita-dark" {
		t.Errorf("%q", got)
	}
	for n := range data { // truncated or changed anywhere: no panic
		stringSetting(data[:n], "Net/ThemeName")
		broken := append([]byte{}, data...)
		broken[n] = 0xff
		stringSetting(broken, "Net/ThemeName")
	}
}

// luminance is the relative luminance of WCAG 2.1.
func luminance(c color.RGBA) float64 {
	channel := func(v uint8) float64 {
		if s := float64(v) / 255; s > 0.03928 {
			return math.Pow((s+0.055)/1.055, 2.4)
		} else {
			return s / 12.92
		}
	}
	return 0.2126*channel(c.R) + 0.7152*channel(c.G) + 0.0722*channel(c.B)
}

// All text is readable in each theme.
func TestContrast(t *testing.T) {
	check := func(what string, a, b color.RGBA) {
		low, high := min(luminance(a), luminance(b)), max(luminance(a), luminance(b))
		if ratio := (high + 0.05) / (low + 0.05); ratio < 4.5 {
			t.Errorf("%s: %.1f to 1", what, ratio)
		}
	}
	for name, c := range map[string]theme{"light": light, "dark": dark} {
		for what, back := range map[string]color.RGBA{"paper": c.paper, "shade": c.shade} {
			check(name+" ink on "+what, c.ink, back)
			check(name+" muted on "+what, c.muted, back)
			check(name+" alarm on "+what, c.alarm, back)
			check(name+" safe on "+what, c.safe, back)
		}
		check(name+" disabled button", c.muted, c.disabled)
	}
	check("deny", white, red)
	check("allow", white, green)
	for mark, look := range badges {
		check(string(mark), look.front, look.back)
	}
}
