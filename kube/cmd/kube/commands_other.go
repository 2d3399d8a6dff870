//go:build !linux

package main

import "github.com/spf13/cobra"

// platformCommands are those that need Linux.
func platformCommands() []*cobra.Command { return nil }
