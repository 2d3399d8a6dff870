//go:build !linux

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// platformCommands are those that need Linux.
func platformCommands() ([]*cobra.Command, error) { return nil, nil }

func kubeconfigOf(string) (string, error) {
	return "", errors.New("a cluster is known by its name on its own machine only: give --kubeconfig")
}
