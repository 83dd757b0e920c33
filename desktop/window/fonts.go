package window

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
)

// fontDirs are the system's fonts, not those of the person's own directory: any of
// their programs could put a font with lying letters there.
var fontDirs = []string{"/usr/share/fonts", "/usr/local/share/fonts", "/usr/X11R6/lib/X11/fonts"}

// fallbackPrefixes are prefixes of font files, the best first, for scripts that the
// built-in font (Latin, Greek, Cyrillic) does not have.
var fallbackPrefixes = []string{
	"DejaVuSans.", "NotoSans-Regular", "NotoSansHebrew-Regular", "NotoSansArabic-Regular", "NotoNaskhArabic-Regular",
	"NotoSansCJK-Regular", "NotoSansDevanagari-Regular", "NotoSansThai-Regular", "NotoSansSymbols-Regular",
	"NotoSans", "DroidSansFallback", "wqy-", "FreeSans.", "LiberationSans-Regular", "unifont.", "Unifont.",
}

// Limits on the search for a character, which no font may have.
const (
	maxFallbacks = 40
	maxFontBytes = 40 << 20 // Noto's CJK collection takes 20 MB
)

// textStyle is a size in pixels and a weight.
type textStyle struct {
	size float64
	bold bool
}

// fonts finds a face for each character. The built-in font comes first, so that the
// window looks the same everywhere; other fonts are opened when it lacks a character.
type fonts struct {
	dirs      []string
	regular   *sfnt.Font
	bold      *sfnt.Font
	files     []string     // fallback fonts that are not open yet
	searched  bool         // files is set
	fallbacks []*sfnt.Font // open
	faces     map[faceKey]font.Face
	buf       sfnt.Buffer
}

type faceKey struct {
	font *sfnt.Font
	size float64
}

func newFonts() (*fonts, error) {
	regular, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	bold, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return nil, err
	}
	return &fonts{dirs: fontDirs, regular: regular, bold: bold, faces: map[faceKey]font.Face{}}, nil
}

// face returns the first font that has r; nil: none does.
func (f *fonts) face(r rune, l textStyle) font.Face {
	first := f.regular
	if l.bold {
		first = f.bold
	}
	if f.hasGlyph(first, r) {
		return f.faceOf(first, l.size)
	}
	for _, other := range f.fallbacks {
		if f.hasGlyph(other, r) {
			return f.faceOf(other, l.size)
		}
	}
	for next := f.openNext(); next != nil; next = f.openNext() {
		if f.hasGlyph(next, r) {
			return f.faceOf(next, l.size)
		}
	}
	return nil
}

func (f *fonts) hasGlyph(font *sfnt.Font, r rune) bool {
	index, err := font.GlyphIndex(&f.buf, r)
	return err == nil && index != 0
}

func (f *fonts) faceOf(from *sfnt.Font, size float64) font.Face {
	key := faceKey{from, size}
	if f.faces[key] == nil {
		face, err := opentype.NewFace(from, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			return nil
		}
		f.faces[key] = face
	}
	return f.faces[key]
}

// openNext reads the next fallback font; nil: there are no more.
func (f *fonts) openNext() *sfnt.Font {
	if !f.searched {
		f.files, f.searched = fallbackFiles(f.dirs), true
	}
	for len(f.files) > 0 {
		path := f.files[0]
		f.files = f.files[1:]
		if parsed := parseFont(path); parsed != nil {
			f.fallbacks = append(f.fallbacks, parsed)
			return parsed
		}
	}
	return nil
}

func parseFont(path string) *sfnt.Font {
	if info, err := os.Stat(path); err != nil || info.Size() > maxFontBytes {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	collection, err := opentype.ParseCollection(data)
	if err != nil {
		return nil
	}
	first, err := collection.Font(0)
	if err != nil {
		return nil
	}
	return first
}

// fallbackFiles lists the files of the fallback fonts, the best first.
func fallbackFiles(dirs []string) []string {
	found := map[int][]string{}
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return nil
			}
			if i := fallbackRank(entry.Name()); i >= 0 {
				found[i] = append(found[i], path)
			}
			return nil
		})
	}
	var list []string
	for i := range fallbackPrefixes {
		slices.Sort(found[i])
		list = append(list, found[i]...)
	}
	return list[:min(len(list), maxFallbacks)]
}

func fallbackRank(name string) int {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".ttf", ".otf", ".ttc":
	default:
		return -1
	}
	return slices.IndexFunc(fallbackPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// lineHeight and ascent depend only on the size, so that a character of another font
// cannot move the lines apart.
func lineHeight(l textStyle) int { return int(math.Round(l.size * 1.5)) }
func ascent(l textStyle) int     { return int(math.Round(l.size * 1.1)) }
