package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/client-go/kubernetes"

	"kubelab/kube/access"
	"kubelab/kube/trace"
)

func newWhyCommand() *cobra.Command {
	var kubeconfig, namespace, name, output string
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
	flags.StringVarP(&output, "output", "o", "", "wide: write everything out, however narrow the terminal is")
	flags.BoolVar(&all, "all", false, "print every step, one a line")
	flags.StringVar(&name, "name", "", "the name of the cluster (default: that of the context)")
	command.MarkFlagsMutuallyExclusive("name", "kubeconfig")
	command.RunE = func(command *cobra.Command, args []string) error {
		if output != "" && output != "wide" {
			return fmt.Errorf("-o %s: there is only wide, and --json", output)
		}
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
		return why(command.Context(), command.OutOrStdout(), client, args[0], namespace, told{json: asJSON, all: all, width: columns(command.OutOrStdout(), output)})
	}
	return command
}

// told is how a chain is told.
type told struct {
	json, all bool
	width     int // of the terminal, in columns; 0: no matter
}

// columns is how wide a terminal is; 0 where out is none, or everything is to be written out.
func columns(out io.Writer, output string) int {
	file, is := out.(*os.File)
	if !is || output == "wide" {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// longest is how many lines a person wants to read.
const longest = 40

func why(ctx context.Context, out io.Writer, client kubernetes.Interface, text, namespace string, how told) error {
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
	if how.json {
		return json.NewEncoder(out).Encode(chain)
	}
	var lines []trace.Line
	left := 0
	if how.all {
		for i := range chain {
			lines = append(lines, chain[i:i+1])
		}
	} else {
		lines, left = trace.Now(record, object, longest)
	}
	err = trace.Print(out, lines, how.width)
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
