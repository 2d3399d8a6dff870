package main

import "github.com/spf13/cobra"

// platformCommands are those that need Linux: a node is made of its namespaces and cgroups.
func platformCommands() []*cobra.Command {
	return []*cobra.Command{
		newUpCommand(),
		newDownCommand(),
		newNodeCommand(),
		newKillCommand(),
		newImageCommand(),
		newCRICommand(),
		newRecordCommand(),
		newLabCommand(),
		newExerciseCommand(),
		newSiteCommand(),

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
