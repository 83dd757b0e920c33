//go:build linux && nopcsc

package main

func holdCard() { panic("there are no cards in this build") }
