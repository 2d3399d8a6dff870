package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"kubelab/kube/operator"
	"kubelab/kube/trace"
)

// loops are the names of all loops.
var loops = []string{"deployments", "endpointslices", "evictions", "kubelet", "namespaces", "node", "node-health", "owners",
	"pod-ranges", "replicasets", "routes", "rules", "scheduler", "serviceaccounts"}

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
			loop, err := loopName(strings.Join(args, ""))
			if err != nil {
				return err
			}
			client, _, err := connect(kubeconfig)
			if err != nil {
				return err
			}
			if change == nil {
				return listHeld(command.Context(), command.OutOrStdout(), client)
			}
			err = setStepMode(command.Context(), client, func(data map[string]string) error { return change(data, loop) })
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
		return letGo(data, loop)
	})
	release.Flags().BoolVar(&all, "all", false, "every loop")
	command.AddCommand(release,
		verb("hold LOOP", "Make a loop wait before each turn", "is held", cobra.ExactArgs(1), hold),
		verb("next LOOP", "Let the next turn of a held loop go on: of what waits, or of what comes first", "may go on once", cobra.ExactArgs(1), letOneGoOn),
		verb("list", "List which loops are held, and what waits", "", cobra.NoArgs, nil))
	return command
}

func hold(data map[string]string, loop string) error {
	data[loop] = cmp.Or(data[loop], "0")
	return nil
}

func letGo(data map[string]string, loop string) error {
	delete(data, loop)
	return nil
}

func letOneGoOn(data map[string]string, loop string) error {
	let, held := data[loop]
	if !held {
		return fmt.Errorf("%s is not held: kube step hold %s", loop, loop)
	}
	n, _ := strconv.Atoi(let)
	data[loop] = strconv.Itoa(n + 1)
	return nil
}

// loopName is a loop as the ConfigMap names it: kubelet.node-2 for kubelet@node-2, which no key of a ConfigMap may be.
func loopName(text string) (string, error) {
	text = strings.Replace(text, "@", ".", 1)
	if name, _, _ := strings.Cut(text, "."); name != "" && !slices.Contains(loops, name) {
		return "", fmt.Errorf("there is no loop %q: the loops are %s", name, strings.Join(loops, ", "))
	}
	return text, nil
}

// setStepMode changes the ConfigMap, which is there as long as a loop is held.
func setStepMode(ctx context.Context, client kubernetes.Interface, change func(data map[string]string) error) error {
	api := client.CoreV1().ConfigMaps(metav1.NamespaceSystem)
	beaten := func(err error) bool { // by somebody who changed it, made it or released the last loop in between
		return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err)
	}
	return retry.OnError(retry.DefaultRetry, beaten, func() error {
		is, err := api.Get(ctx, operator.StepMode, metav1.GetOptions{})
		missing := apierrors.IsNotFound(err)
		if missing {
			is = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: operator.StepMode}}
		} else if err != nil {
			return err
		}
		if is.Data == nil {
			is.Data = map[string]string{}
		}
		if err := change(is.Data); err != nil {
			return err
		}
		switch {
		case missing && len(is.Data) > 0:
			_, err = api.Create(ctx, is, metav1.CreateOptions{})
			return err
		case len(is.Data) > 0:
			_, err = api.Update(ctx, is, metav1.UpdateOptions{})
			return err
		case missing:
			return nil
		}
		return api.Delete(ctx, is.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &is.ResourceVersion}})
	})
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
		for _, object := range waitingFor(loop, waiting) {
			what = append(what, object.String())
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", loop, is.Data[loop], strings.Join(what, ", "))
	}
	return table.Flush()
}

// waitingFor is what waits, of all that is held, until a loop goes on.
func waitingFor(loop string, held []trace.Step) (objects []trace.Ref) {
	for _, step := range held {
		if loop == step.Detail || loop == step.Detail+"."+step.Host {
			objects = append(objects, step.Object)
		}
	}
	return objects
}
