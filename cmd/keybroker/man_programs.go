package main

// programPages are the pages of the programs that keybroker starts, in Markdown without
// the head that writePage gives them.
var programPages = map[string]struct{ about, body string }{
	desktopProgram: {"windows and tray icon of keybroker", `# SYNOPSIS
**keybroker-desktop** *prompt*|*tray* ...

# DESCRIPTION
keybroker-desktop draws keybroker's questions and its icon in the desktop's panel. It is a
separate program, so that the one that holds keys links nothing that draws. keybroker(1)
starts it from its own directory; there is nothing to do with it by hand. To show the icon,
run **keybroker tray**.

# SEE ALSO
keybroker(1), keybroker-tray(1), keybroker-config(5)
`},
	lifecycleProgram: {"the life of a key on hosts", `# SYNOPSIS
**keybroker** *inventory*|*report*|*provision*|*rotate*|*terminate*|... ...

# DESCRIPTION
keybroker-lifecycle carries the commands of keybroker(1) that follow keys on other hosts. It
is a separate program, so that the one that holds keys links neither SQL nor SFTP nor HTML.
keybroker runs it from its own directory.

# SEE ALSO
keybroker(1), keybroker-inventory(1), keybroker-provision(1), keybroker-rotate(1),
keybroker-terminate(1)
`},
}
