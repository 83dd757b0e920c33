package terminal

// Path is the console of this process, whatever its input is.
const Path = "CONIN$"
