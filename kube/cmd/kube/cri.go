//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/util/duration"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/cluster"
)

// criClient talks to a container runtime without a kubelet: for the chapters before there is a cluster, and for a look
// below one.
type criClient struct {
	cri.RuntimeServiceClient
	images cri.ImageServiceClient
	socket string // its path
}

func newCRICommand() *cobra.Command {
	client := &criClient{}
	command := &cobra.Command{Use: "cri", Short: "Talk to a node's container runtime directly, with no cluster"}
	var endpoint, name, node string
	command.PersistentFlags().StringVar(&endpoint, "runtime", "", "the CRI socket of another runtime (default: the node's, or "+defaultRuntime+" where no cluster is up)")
	command.PersistentFlags().StringVar(&node, "node", "node-1", "the node whose runtime it is")
	cluster.Flags(command.PersistentFlags(), &name, nil)
	// with makes a command's function of one that uses the client.
	with := func(run func(command *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
		return func(command *cobra.Command, args []string) error {
			socket, err := runtimeOf(endpoint, name, node)
			if err != nil {
				return err
			}
			closeIt, err := client.connect(socket)
			if err != nil {
				return err
			}
			defer closeIt()
			err = run(command, args)
			var code exitCode
			if errors.As(err, &code) {
				os.Exit(int(code))
			}
			return said(err)
		}
	}
	command.AddCommand(
		newCRIRunCommand(client, with), newCRIExecCommand(client, with), newCRILogsCommand(client, with),
		&cobra.Command{Use: "ps", Short: "List containers, running or not", Args: cobra.NoArgs, RunE: with(client.ps)},
		&cobra.Command{Use: "inspect ID|NAME", Short: "Show all that the runtime knows of a container or a pod", Args: cobra.ExactArgs(1), RunE: with(client.inspect)},
		&cobra.Command{Use: "images", Short: "List images", Args: cobra.NoArgs, RunE: with(client.listImages)},
		&cobra.Command{Use: "pull IMAGE", Short: "Fetch an image from its registry", Args: cobra.ExactArgs(1), RunE: with(client.pull)},
		&cobra.Command{Use: "rm ID|NAME…", Short: "Remove pods with all that is in them, or single containers", Args: cobra.MinimumNArgs(1), RunE: with(client.remove)},
	)
	return command
}

type withClient = func(func(*cobra.Command, []string) error) func(*cobra.Command, []string) error

// runtimeOf is the socket that is meant: the one that was named, or that of a cluster's node.
func runtimeOf(endpoint, name, node string) (string, error) {
	if endpoint != "" {
		return endpoint, nil
	}
	spec, hosts, err := cluster.List(name)
	if err != nil {
		return defaultRuntime, nil // no cluster is up: perhaps a runtime by itself
	}
	for _, host := range hosts {
		if host.Name == node && host.Role == cluster.Node {
			return spec.Runtime(host.Host), nil
		}
	}
	return "", fmt.Errorf("--node %s: the cluster %s has no such node (see: %s)", node, name, spec.Command("node list"))
}

func (c *criClient) connect(endpoint string) (closeIt func() error, err error) {
	path, found := strings.CutPrefix(endpoint, "unix://")
	if !found {
		return nil, fmt.Errorf("--runtime %q: want unix:// and the path of a socket", endpoint)
	}
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)))
	if err != nil {
		return nil, fmt.Errorf("connect to the runtime: %w", err)
	}
	c.RuntimeServiceClient, c.images, c.socket = cri.NewRuntimeServiceClient(conn), cri.NewImageServiceClient(conn), path
	return conn.Close, nil
}

// exitCode is that of a command that ran for us; it becomes our own.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// said is what the runtime said, without the words that gRPC puts around it.
func said(err error) error {
	if answer, ok := status.FromError(err); ok && err != nil {
		return fmt.Errorf("%s", answer.Message())
	}
	return err
}

// found is what a word on the command line stands for.
type found struct {
	pod       *cri.PodSandbox
	container *cri.Container // nil if the word names a pod that has not just one container
}

// find looks for a container or a pod by its name or the beginning of its ID.
func (c *criClient) find(ctx context.Context, word string) (found, error) {
	pods, err := c.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return found{}, err
	}
	list, err := c.ListContainers(ctx, &cri.ListContainersRequest{})
	if err != nil {
		return found{}, err
	}
	return pick(word, pods.Items, list.Containers)
}

func pick(word string, pods []*cri.PodSandbox, containers []*cri.Container) (found, error) {
	var all []found
	of := map[string][]*cri.Container{}
	for _, container := range containers {
		of[container.PodSandboxId] = append(of[container.PodSandboxId], container)
	}
	for _, pod := range pods {
		if strings.HasPrefix(pod.Id, word) || pod.Metadata.Name == word {
			one := found{pod: pod}
			if len(of[pod.Id]) == 1 {
				one.container = of[pod.Id][0]
			}
			all = append(all, one)
			continue
		}
		for _, container := range of[pod.Id] {
			if strings.HasPrefix(container.Id, word) || container.Metadata.Name == word {
				all = append(all, found{pod, container})
			}
		}
	}
	switch len(all) {
	case 0:
		return found{}, fmt.Errorf("no container or pod is called %q: kube cri ps lists them", word)
	case 1:
		return all[0], nil
	}
	return found{}, fmt.Errorf("%q may mean %d containers or pods: give more of the ID", word, len(all))
}

// findContainer is find for what needs a container.
func (c *criClient) findContainer(ctx context.Context, word string) (*cri.Container, error) {
	it, err := c.find(ctx, word)
	if err == nil && it.container == nil {
		err = fmt.Errorf("pod %q has no container, or several: name one of them", word)
	}
	return it.container, err
}

func (c *criClient) ps(command *cobra.Command, _ []string) error {
	pods, err := c.ListPodSandbox(command.Context(), &cri.ListPodSandboxRequest{})
	if err != nil {
		return err
	}
	list, err := c.ListContainers(command.Context(), &cri.ListContainersRequest{})
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(command.OutOrStdout(), 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "CONTAINER\tNAME\tSTATE\tIMAGE\tAGE\tPOD\tPOD ID")
	byID := map[string]*cri.PodSandbox{}
	for _, pod := range pods.Items {
		byID[pod.Id] = pod
	}
	for _, one := range list.Containers {
		state := strings.ToLower(strings.TrimPrefix(one.State.String(), "CONTAINER_"))
		pod := byID[one.PodSandboxId].GetMetadata()
		fmt.Fprintf(table, "%.12s\t%s\t%s\t%s\t%s\t%s/%s\t%.12s\n", one.Id, one.Metadata.Name, state, one.Image.Image,
			duration.HumanDuration(time.Since(time.Unix(0, one.CreatedAt))), pod.GetNamespace(), pod.GetName(), one.PodSandboxId)
	}
	return table.Flush()
}

func (c *criClient) inspect(command *cobra.Command, args []string) error {
	it, err := c.find(command.Context(), args[0])
	if err != nil {
		return err
	}
	var answer any
	if it.container != nil {
		answer, err = c.ContainerStatus(command.Context(), &cri.ContainerStatusRequest{ContainerId: it.container.Id, Verbose: true})
	} else {
		answer, err = c.PodSandboxStatus(command.Context(), &cri.PodSandboxStatusRequest{PodSandboxId: it.pod.Id, Verbose: true})
	}
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintln(command.OutOrStdout(), string(text))
	return nil
}

func (c *criClient) listImages(command *cobra.Command, _ []string) error {
	list, err := c.images.ListImages(command.Context(), &cri.ListImagesRequest{})
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(command.OutOrStdout(), 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "IMAGE\tID\tSIZE")
	for _, image := range list.Images {
		fmt.Fprintf(table, "%s\t%.19s\t%.1f MB\n", image.GetSpec().GetImage(), image.Id, float64(image.Size)/1e6)
	}
	return table.Flush()
}

func (c *criClient) pull(command *cobra.Command, args []string) error {
	pulled, err := c.images.PullImage(command.Context(), &cri.PullImageRequest{Image: &cri.ImageSpec{Image: args[0]}})
	if err == nil {
		fmt.Fprintln(command.OutOrStdout(), pulled.ImageRef)
	}
	return err
}

// remove takes a pod away when its name or ID is given, a container when a container's is.
func (c *criClient) remove(command *cobra.Command, args []string) error {
	for _, word := range args {
		it, err := c.find(command.Context(), word)
		if err != nil {
			return err
		}
		if strings.HasPrefix(it.pod.Id, word) || it.pod.Metadata.Name == word {
			_, err = c.RemovePodSandbox(command.Context(), &cri.RemovePodSandboxRequest{PodSandboxId: it.pod.Id})
		} else {
			_, err = c.RemoveContainer(command.Context(), &cri.RemoveContainerRequest{ContainerId: it.container.Id})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
