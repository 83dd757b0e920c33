package conformance

import "bytes"

var extensionRules = []Rule{
	{"extension-unknown", "RFC 9987 §5.8", Must, Reads, "An extension that the agent does not know is answered by an empty FAILURE, not by EXTENSION_FAILURE.", func(t *T) {
		c := t.Connect()
		c.Want(replyFailure, message(extension, str(extNone)), "an unknown extension")
		c.Want(replyFailure, message(extension, str(extNone), str("contents")), "an unknown extension with contents")
		c.Want(replyFailure, message(extension, str("")), "an extension without a name")
		c.GoesOn()
	}},
	{"extension-cut", "RFC 9987 §5.1", Must, Reads, "An extension request whose name is cut off is answered by a failure, and the connection goes on.", func(t *T) {
		c := t.Connect()
		for _, body := range [][]byte{nil, {0}, u32(10), append(u32(100), "session-bind"...)} {
			if got := c.Number(message(extension, body)); got != replyFailure && got != replyExtensionFailure {
				t.Failf("reply %s", named(got))
			}
		}
		c.GoesOn()
	}},
	{"query-known", "RFC 9987 §5.8.1", OpenSSH, Reads, "The extension \"query\" is there.", func(t *T) {
		if reply := t.Connect().Ask(message(extension, str(extQuery))); reply[0] != replyExtension {
			t.Failf("reply %s", named(reply[0]))
		}
	}},
	{"query", "RFC 9987 §5.8.1", Must, Reads, "\"query\" is answered by FAILURE, or by EXTENSION_RESPONSE with its own name and a list of names.", func(t *T) {
		names, known := t.Connect().query()
		if !known {
			return
		}
		for _, name := range names {
			if err := checkText(name); err != nil || name == "" {
				t.Failf("a name of an extension: %q", name)
			}
		}
	}},
	{"query-true", "RFC 9987 §5.8.1", Should, Reads, "\"query\" names the extensions that are there: session-bind exactly if it works.", func(t *T) {
		names, known := t.Connect().query()
		if !known {
			t.Skipf("the agent has no query")
		}
		works := t.Connect().Number(newHost().bindRequest([]byte("a session"), false)) == replySuccess
		named := false
		for _, name := range names {
			named = named || name == extSessionBind
		}
		if works != named {
			t.Failf("session-bind works: %v, is named: %v", works, named)
		}
	}},
}

// query returns the names in the answer to the extension "query", or false if the agent
// does not know it.
func (c *Conn) query() (list []string, known bool) {
	reply := c.Ask(message(extension, str(extQuery)))
	if len(reply) == 1 && reply[0] == replyFailure {
		return nil, false
	}
	f := &fields{rest: reply[1:]}
	if reply[0] != replyExtension || !bytes.Equal(f.str(), []byte(extQuery)) {
		c.t.Failf("reply %s does not begin as an EXTENSION_RESPONSE to \"query\"", named(reply[0]))
	}
	for len(f.rest) > 0 && !f.bad {
		list = append(list, string(f.str()))
	}
	if f.bad {
		c.t.Failf("the list of names is cut off")
	}
	return list, true
}
