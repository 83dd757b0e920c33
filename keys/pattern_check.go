package keys

import (
	"errors"
	"fmt"
	"strings"
)

// CheckPatterns returns what is certainly a mistake in a list that a person wrote. An
// empty list, of a field that was left out, is right.
func CheckPatterns(list string, style PatternStyle) error {
	if list == "" {
		return nil
	}
	found := false
	for _, text := range splitPatterns(list, style) {
		plain, except := strings.CutPrefix(text, "!")
		switch {
		case plain == "":
			return errors.New("one of its patterns is empty")
		case list != strings.TrimSpace(list):
			return errors.New("it begins or ends with a space")
		case plain != strings.TrimSpace(plain):
			return fmt.Errorf("%q begins or ends with a space", plain)
		}
		found = found || !except
	}
	if !found {
		return fmt.Errorf("it has only exceptions, so it matches nothing; write %q", "*,"+list)
	}
	return nil
}
