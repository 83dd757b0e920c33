//go:build !linux && !darwin && !windows

package service

const systemStart = Autostart
