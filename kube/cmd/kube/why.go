package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"

	"kubelab/kube/access"
	"kubelab/kube/trace"
)

func newWhyCommand() *cobra.Command {
	var kubeconfig, namespace, name string
	var asJSON, all bool
	command := &cobra.Command{
		Use:   "why RESOURCE/NAME",
		Short: "Say why an object is as it is: the chain of steps from what somebody asked for",
		Example: `  kube why pod/web-1              from kubectl apply to the rules on each node
  kube why deployment/web -n shop`,
		Args: cobra.ExactArgs(1),
	}
	flags := command.Flags()
	flags.StringVar(&kubeconfig, "kubeconfig", "", "the kubeconfig to use (default: as kubectl does)")
	flags.StringVarP(&namespace, "namespace", "n", "", "the namespace of the object (default: the context's)")
	flags.BoolVarP(&asJSON, "json", "", false, "print all steps as JSON")
	flags.BoolVar(&all, "all", false, "print every step, one a line")
	flags.StringVar(&name, "name", "", "the name of the cluster (default: that of the context)")
	command.MarkFlagsMutuallyExclusive("name", "kubeconfig")
	command.RunE = func(command *cobra.Command, args []string) error {
		if name != "" {
			var err error
			if kubeconfig, err = kubeconfigOf(name); err != nil {
				return err
			}
		}
		client, inContext, err := access.Connect(kubeconfig)
		if err != nil {
			return err
		}
		namespace = cmp.Or(namespace, inContext)
		return why(command.Context(), command.OutOrStdout(), client, args[0], namespace, asJSON, all)
	}
	return command
}

// longest is how many lines a person wants to read.
const longest = 40

func why(ctx context.Context, out io.Writer, client kubernetes.Interface, text, namespace string, asJSON, all bool) error {
	object, err := resolve(client, text, namespace)
	if err != nil {
		return err
	}
	record, err := readRecord(ctx, client)
	if err != nil {
		return err
	}
	chain := trace.Chain(record, object)
	if len(chain) == 0 {
		return fmt.Errorf("the record has no step on %s: either it does not exist (kubectl get %s), or nothing has happened to it for an hour", object, text)
	}
	if asJSON {
		return json.NewEncoder(out).Encode(chain)
	}
	var lines []trace.Line
	left := 0
	if all {
		for i := range chain {
			lines = append(lines, chain[i:i+1])
		}
	} else {
		lines, left = trace.Now(record, object, longest)
	}
	err = trace.Print(out, lines)
	for _, step := range trace.Lost(record, chain) {
		if err == nil {
			_, err = fmt.Fprintf(out, "what the %s on %s did is not all there: steps %s\n", step.Component, step.Host, step.Detail)
		}
	}
	if err == nil && left > 0 {
		_, err = fmt.Fprintf(out, "%d earlier steps are left out: kube why --all %s\n", left, text)
	}
	return err
}

func readRecord(ctx context.Context, client kubernetes.Interface) ([]trace.Step, error) {
	var record []trace.Step
	body, err := client.CoreV1().RESTClient().Get().AbsPath(trace.Path).Do(ctx).Raw()
	if err == nil {
		err = json.Unmarshal(body, &record)
	}
	if err != nil {
		return nil, fmt.Errorf("read the causal record: %w", err)
	}
	return record, nil
}

// resolve finds out which object a person means: any name of the resource will do.
func resolve(client kubernetes.Interface, text, namespace string) (trace.Ref, error) {
	_, lists, err := client.Discovery().ServerGroupsAndResources()
	if err != nil {
		return trace.Ref{}, fmt.Errorf("ask the server which resources it has: %w", err)
	}
	plurals := map[string]string{}
	namespaced := map[string]bool{}
	for _, list := range lists {
		for _, resource := range list.APIResources {
			if strings.Contains(resource.Name, "/") { // a subresource has no steps of its own
				continue
			}
			for _, name := range append(resource.ShortNames, resource.Name, resource.SingularName) {
				plurals[name] = resource.Name
			}
			namespaced[resource.Name] = resource.Namespaced
		}
	}
	object, err := trace.ParseRef(text, namespace, plurals)
	if err == nil && !namespaced[object.Resource] {
		object.Namespace = ""
	}
	return object, err
}
