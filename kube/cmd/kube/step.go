package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kubelab/kube/access"
	"kubelab/kube/cluster"
	"kubelab/kube/component"
	"kubelab/kube/operator"
	"kubelab/kube/operator/stepmode"
	"kubelab/kube/trace"
)

// loops are the names of all loops.
var loops = component.Loops(cluster.Declared)

func newStepCommand() *cobra.Command {
	var kubeconfig string
	var all bool
	command := &cobra.Command{
		Use: "step", Short: "Step mode: hold a loop, and let it go on one turn at a time",
		Long: "Step mode: hold a loop, and let it go on one turn at a time. Heartbeats and elections go on.\nThe loops are " +
			strings.Join(loops, ", ") + ". A loop that runs on each node can be held on one: kubelet@node-2.\n" +
			"What is held stands in the ConfigMap kube-system/" + operator.StepMode + ".",
		Example: "  kube step hold scheduler\n  kubectl run web --image=busybox -- sleep 1000\n  kube step list\n  kube step next scheduler\n  kube step release --all",
	}
	command.PersistentFlags().StringVar(&kubeconfig, "kubeconfig", "", "the kubeconfig to use (default: as kubectl does)")
	verb := func(use, short, done string, args cobra.PositionalArgs, change func(data map[string]string, loop string) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(command *cobra.Command, args []string) error {
			loop, err := stepmode.LoopName(loops, strings.Join(args, ""))
			if err != nil {
				return err
			}
			client, _, err := access.Connect(kubeconfig)
			if err != nil {
				return err
			}
			if change == nil {
				return listHeld(command.Context(), command.OutOrStdout(), client)
			}
			err = stepmode.Change(command.Context(), client, func(data map[string]string) error { return change(data, loop) })
			if err == nil {
				_, err = fmt.Fprintln(command.OutOrStdout(), cmp.Or(loop, "every loop"), done)
			}
			return err
		}}
	}
	release := verb("release LOOP|--all", "Let a loop run freely again", "runs freely", cobra.MaximumNArgs(1), func(data map[string]string, loop string) error {
		if all == (loop != "") {
			return errors.New("name a loop or say --all: kube step release LOOP|--all")
		}
		if all {
			clear(data)
			return nil
		}
		return stepmode.Release(data, loop)
	})
	release.Flags().BoolVar(&all, "all", false, "every loop")
	command.AddCommand(release,
		verb("hold LOOP", "Make a loop wait before each turn", "is held", cobra.ExactArgs(1), stepmode.Hold),
		verb("next LOOP", "Let the next turn of a held loop go on: of what waits, or of what comes first", "may go on once", cobra.ExactArgs(1), stepmode.Next),
		verb("list", "List which loops are held, and what waits", "", cobra.NoArgs, nil))
	return command
}

// listHeld prints what is held and what waits for it.
func listHeld(ctx context.Context, out io.Writer, client kubernetes.Interface) error {
	is, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, operator.StepMode, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if len(is.Data) == 0 {
		_, err := fmt.Fprintln(out, "no loop is held")
		return err
	}
	record, err := readRecord(ctx, client)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "HELD\tLET GO ON\tWAITING")
	waiting := trace.Held(record)
	for _, loop := range slices.Sorted(maps.Keys(is.Data)) {
		var what []string
		for _, object := range stepmode.Waiting(loop, waiting) {
			what = append(what, object.String())
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", loop, is.Data[loop], strings.Join(what, ", "))
	}
	return table.Flush()
}
