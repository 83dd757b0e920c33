package main

import (
	"github.com/keybroker/keybroker/cli"
	"github.com/spf13/cobra"
)

func newPageCommand() *cobra.Command {
	return &cobra.Command{Use: "page", Hidden: true, Args: cli.ExactArgs(0), RunE: func(*cobra.Command, []string) error { return nil }}
}
