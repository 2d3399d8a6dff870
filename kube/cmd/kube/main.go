// Command kube is all of the cluster in one program: a subcommand per component, and the commands with
// which a person starts a cluster, stops it, breaks it and asks it why.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"kubelab/site/sitecommand"
)

// commands lists everything that the program can do on this machine.
func commands() ([]*cobra.Command, error) {
	platform, err := platformCommands()
	return append(platform,
		newWhyCommand(),
		newStepCommand(),
		sitecommand.Replay(),
		newVersionCommand(),
	), err
}

const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	all, err := commands()
	if err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "kube:", err)
		os.Exit(exitFailed)
	}
	root := newRootCommand(all)
	started := false
	noteStart(root, &started)
	err = root.ExecuteContext(ctx)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "kube:", err)
	if !started {
		os.Exit(exitUsage)
	}
	os.Exit(exitFailed)
}

func newRootCommand(commands []*cobra.Command) *cobra.Command {
	root := &cobra.Command{
		Use:           "kube",
		Short:         "Kubernetes, small enough to read and real enough to use",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return fmt.Errorf("%w (see: %s --help)", err, command.CommandPath())
	})
	root.AddCommand(commands...)
	return root
}

// noteStart sets started as soon as a command really runs: an error before that is one of usage. So is a word after a
// command that only has others below it.
func noteStart(command *cobra.Command, started *bool) {
	if command.RunE == nil && command.HasSubCommands() && command.HasParent() {
		command.RunE = unknown
	} else if run := command.RunE; run != nil {
		command.RunE = func(command *cobra.Command, args []string) error {
			*started = true
			return run(command, args)
		}
	}
	for _, child := range command.Commands() {
		noteStart(child, started)
	}
}

// unknown says that a command has no such command below it, and which may be meant.
func unknown(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return command.Help()
	}
	command.SuggestionsMinimumDistance = 2 // as cobra does below the root
	near := command.SuggestionsFor(args[0])
	if len(near) == 0 {
		near = []string{"--help"}
	}
	return fmt.Errorf("unknown command %q for %q: did you mean %s %s?", args[0], command.CommandPath(), command.CommandPath(), strings.Join(near, " or "))
}
