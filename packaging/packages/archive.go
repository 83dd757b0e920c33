package main

func (r *release) archives() error   { return nil }
func (r *release) msis() error       { return nil }
func (r *release) manifests() error  { return nil }
func (r *release) components() error { return nil }
func (r *release) sums() error       { return nil }
