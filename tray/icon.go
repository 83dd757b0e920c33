package tray

import (
	"bytes"
	"encoding/binary"
	"image/color"
	"image/png"

	"github.com/keybroker/keybroker/desktop/icon"
)

// iconSize is in pixels; panels scale it down.
const iconSize = icon.Size

// The colours can be told from a light and from a dark panel. The state is in
// the badge's form as well, for people who do not tell the colours apart.
var (
	blue   = icon.Blue
	grey   = color.NRGBA{0x8a, 0x8f, 0x98, 0xff}
	amber  = color.NRGBA{0xf2, 0x8c, 0x0f, 0xff}
	green  = color.NRGBA{0x2e, 0x9e, 0x4f, 0xff}
	red    = color.NRGBA{0xd6, 0x33, 0x3c, 0xff}
	purple = color.NRGBA{0x6b, 0x5b, 0xb5, 0xff}
	white  = color.NRGBA{0xff, 0xff, 0xff, 0xff}
)

// badge sits on the lower right, with a gap around it.
func badge(c color.NRGBA, glyph ...icon.Shape) []icon.Layer {
	list := []icon.Layer{icon.Cut(icon.Disc(33, 33, 15)), icon.Fill(icon.Disc(33, 33, 13), c)}
	for _, g := range glyph {
		list = append(list, icon.Fill(g, white))
	}
	return list
}

func layersOf(s state) []icon.Layer {
	switch s {
	case notRunning:
		return append(icon.Key(grey), badge(grey, icon.Box(25, 31, 41, 35))...)
	case waiting:
		return append(icon.Key(blue), badge(amber, icon.Box(31, 24, 35, 36), icon.Disc(33, 40, 2.4))...)
	case locked:
		return append(append(icon.Key(grey), badge(purple, icon.Disc(33, 30, 6), icon.Box(25, 31, 41, 41))...), icon.Fill(icon.Disc(33, 30, 3), purple))
	case paused:
		return append(icon.Key(grey), badge(purple, icon.Box(27, 26, 31, 40), icon.Box(35, 26, 39, 40))...)
	case troubled:
		return append(append(icon.Key(blue), icon.Cut(icon.Triangle(33, 15, 48, 17)), icon.Fill(icon.Triangle(33, 19, 47, 15), red)),
			icon.Fill(icon.Box(31, 27, 35, 38), white), icon.Fill(icon.Disc(33, 42, 2.2), white))
	case cardIn:
		return append(icon.Key(blue), icon.Cut(icon.Box(17, 22, 48, 46)), icon.Fill(icon.Box(19, 24, 47, 44), green), icon.Fill(icon.Box(23, 30, 31, 37), white))
	}
	return icon.Key(blue)
}

func iconPNG(s state) []byte {
	var out bytes.Buffer
	_ = png.Encode(&out, icon.Draw(layersOf(s), iconSize)) // a buffer takes everything
	return out.Bytes()
}

// iconICO puts the PNG into the file that Windows wants: a directory of one
// entry (ICONDIR and ICONDIRENTRY, 22 bytes) before it.
func iconICO(s state) []byte {
	data := iconPNG(s)
	head := []any{uint16(0), uint16(1), uint16(1), uint8(iconSize), uint8(iconSize), uint16(0), uint16(1), uint16(32), uint32(len(data)), uint32(22)}
	var out bytes.Buffer
	for _, field := range head {
		_ = binary.Write(&out, binary.LittleEndian, field)
	}
	out.Write(data)
	return out.Bytes()
}
