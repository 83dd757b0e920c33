package main

// ownTerminalName is the console of this process, whatever its input is.
const ownTerminalName = "CONIN$"
