package keys

import "strings"

// MatchPattern says whether pattern stands for the whole of s, as ssh_config(5)
// has it under PATTERNS: "*" is any text, "?" one byte, the rest stands for itself.
func MatchPattern(s, pattern string) bool {
	star, from := -1, 0 // where the last "*" is, and where its text ends in s
	i, j := 0, 0
	for i < len(s) {
		switch {
		case j < len(pattern) && pattern[j] == '*':
			star, from = j, i
			j++
		case j < len(pattern) && (pattern[j] == '?' || pattern[j] == s[i]):
			i++
			j++
		case star >= 0: // let that "*" stand for one byte more
			from++
			i, j = from, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[j:], "*") == ""
}

// MatchPatternList says whether one of the patterns, separated by commas,
// matches s and none that is negated by "!" does.
func MatchPatternList(s, list string) bool {
	found := false
	for pattern := range strings.SplitSeq(list, ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		if MatchPattern(s, pattern) {
			if negated {
				return false
			}
			found = true
		}
	}
	return found
}
