package service

func (p Place) launchdChanges() []Change { return nil }
