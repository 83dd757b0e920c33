package terminal

// Path is the console of this process, even if standard input is not.
const Path = "CONIN$"
