package main

import (
	"github.com/spf13/cobra"

	"kubelab/labs/labcommand"
	"kubelab/site/sitecommand"
)

// platformCommands are those that need Linux: a node is made of its namespaces and cgroups.
func platformCommands() []*cobra.Command {
	return []*cobra.Command{
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

		newEtcdCommand(),
		newAPIServerCommand(),
		newSchedulerCommand(),
		newControllersCommand(),
		newRuntimeCommand(),
		newKubeletCommand(),
		newProxyCommand(),
		newDNSCommand(),
		newHostCommand(),
		newForwardCommand(),
		newSuperviseCommand(),
	}
}
