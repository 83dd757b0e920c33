package clientconfig

import (
	"strings"

	"github.com/keybroker/keybroker/keys/ascii"
)

// fields splits a line of ssh_config: the keyword in small letters, and its arguments
// without quotation marks. A "=" may follow the keyword (ssh_config(5)).
func fields(raw string) (keyword string, args []string) {
	line := strings.TrimSpace(raw)
	if line == "" || line[0] == '#' {
		return "", nil
	}
	end := strings.IndexAny(line, " \t=\"")
	if end < 0 {
		return ascii.Lower(line), nil
	}
	keyword, rest := ascii.Lower(line[:end]), strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	return keyword, words(rest)
}

// words splits at spaces outside of quotation marks. A "#" that begins a word begins a
// comment.
func words(text string) (list []string) {
	for {
		text = strings.TrimLeft(text, " \t")
		if text == "" || text[0] == '#' {
			return list
		}
		end := strings.IndexAny(text, " \t")
		if quote := text[0]; quote == '"' || quote == '\'' {
			if close := strings.IndexByte(text[1:], quote); close >= 0 {
				list = append(list, text[1:close+1])
				text = text[close+2:]
				continue
			}
		}
		if end < 0 {
			return append(list, text)
		}
		list = append(list, text[:end])
		text = text[end:]
	}
}

// replaceValue puts another value into a line that has one, and keeps its indentation,
// its keyword, its comment and its end.
func replaceValue(raw, value string) string {
	body := strings.TrimRight(raw, "\r\n")
	ending := raw[len(body):]
	start := len(body) - len(strings.TrimLeft(body, " \t"))
	word := strings.IndexAny(body[start:], " \t=\"'")
	start += word
	for start < len(body) && strings.IndexByte(" \t=", body[start]) >= 0 {
		start++
	}
	end := start
	if quote := body[start]; quote == '"' || quote == '\'' {
		end = start + 1 + strings.IndexByte(body[start+1:], quote) + 1
	} else if space := strings.IndexAny(body[start:], " \t"); space >= 0 {
		end = start + space
	} else {
		end = len(body)
	}
	if strings.ContainsAny(value, " \t#") {
		value = `"` + value + `"`
	}
	return body[:start] + value + body[end:] + ending
}
