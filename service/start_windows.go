package service

const systemStart = Logon
