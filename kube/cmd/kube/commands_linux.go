package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kubelab/kube/cluster"
	"kubelab/kube/component"
	"kubelab/labs/labcommand"
	"kubelab/site/sitecommand"
)

// programs make the commands of components that are processes of a host.
var programs = map[string]func(component.Component) *cobra.Command{
	"etcd": newEtcdCommand, "apiserver": newAPIServerCommand, "scheduler": newSchedulerCommand, "controllers": newControllersCommand,
	"runtime": newRuntimeCommand, "kubelet": newKubeletCommand, "proxy": newProxyCommand, "dns": newDNSCommand,
}

// componentCommands are the commands of all components that are processes of a host.
func componentCommands(declared []component.Component) ([]*cobra.Command, error) {
	if err := component.Check(declared); err != nil {
		return nil, err
	}
	var commands []*cobra.Command
	for _, c := range declared {
		if c.Place != component.ControlPlane && c.Place != component.Node {
			continue
		}
		program := programs[c.Name]
		if program == nil {
			return nil, fmt.Errorf("component %s has no command that starts it: give it one in commands_linux.go", c.Name)
		}
		commands = append(commands, program(c))
	}
	return commands, nil
}

// systemPrograms are where nft, iptables and modprobe lie. Debian's su keeps the PATH of whoever says it, which is without these.
var systemPrograms = []string{"/usr/sbin", "/sbin"}

func findSystemPrograms() error {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, dir := range systemPrograms {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return os.Setenv("PATH", strings.Join(dirs, string(filepath.ListSeparator)))
}

// platformCommands are those that need Linux: a node is made of its namespaces and cgroups.
func platformCommands() ([]*cobra.Command, error) {
	if err := findSystemPrograms(); err != nil {
		return nil, err
	}
	components, err := componentCommands(cluster.Declared)
	return append([]*cobra.Command{
		newUpCommand(),
		newDownCommand(),
		newNodeCommand(),
		newKillCommand(),
		newImageCommand(),
		newCRICommand(),
		sitecommand.Record(),
		labcommand.Lab(),
		labcommand.Exercise(),
		sitecommand.Site(newComponentCommand, loops),

		newHostCommand(),
		newForwardCommand(),
		newSuperviseCommand(),
	}, components...), err
}
