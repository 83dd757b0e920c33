package service

const systemStart = Launchd
