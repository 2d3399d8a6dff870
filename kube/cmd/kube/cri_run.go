//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// criRun is a pod of one container, as the flags of `kube cri run` want it.
type criRun struct {
	name                   string
	stdin, tty             bool
	detach, remove, onNode bool
}

func newCRIRunCommand(client *criClient, with withClient) *cobra.Command {
	var options criRun
	command := &cobra.Command{
		Use: "run IMAGE [-- COMMAND [ARG…]]", Short: "Run an image in a pod of its own", Args: cobra.MinimumNArgs(1),
		Example: "  kube cri run busybox -- echo hello\n  kube cri run -it --rm busybox\n  kube cri run -d --name web busybox -- httpd -f",
		RunE: with(func(command *cobra.Command, args []string) error {
			code, err := client.run(command, options, args[0], args[1:])
			if err == nil && code != 0 {
				return exitCode(code)
			}
			return err
		}),
	}
	flags := command.Flags()
	flags.StringVar(&options.name, "name", "", "the pod's name (none: the image's)")
	flags.BoolVarP(&options.stdin, "stdin", "i", false, "pass our input on")
	flags.BoolVarP(&options.tty, "tty", "t", false, "give the command a terminal")
	flags.BoolVarP(&options.detach, "detach", "d", false, "print the pod's ID, and leave it running")
	flags.BoolVar(&options.remove, "rm", false, "remove the pod when its command has ended")
	flags.BoolVar(&options.onNode, "host-network", false, "use the node's network instead of one of its own")
	return command
}

// run makes sandbox and container, as a kubelet would, and stays with them until the command ends.
func (c *criClient) run(command *cobra.Command, options criRun, image string, args []string) (code int32, err error) {
	ctx := command.Context()
	options.stdin = options.stdin || options.tty
	if err := c.ensureImage(ctx, image); err != nil {
		return 0, err
	}
	config := options.sandbox(image)
	sandbox, err := c.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: config})
	if err != nil {
		return 0, err
	}
	after := context.WithoutCancel(ctx) // Ctrl-C ends us, and the pod with us
	id, err := c.createIn(ctx, sandbox.PodSandboxId, config, options, image, args)
	if err != nil || options.remove {
		defer c.RemovePodSandbox(after, &cri.RemovePodSandboxRequest{PodSandboxId: sandbox.PodSandboxId})
	} else if !options.detach {
		defer c.StopPodSandbox(after, &cri.StopPodSandboxRequest{PodSandboxId: sandbox.PodSandboxId})
	}
	if err != nil {
		return 0, err
	}
	start := func() error {
		_, err := c.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: id})
		return err
	}
	switch {
	case options.detach:
		fmt.Fprintln(command.OutOrStdout(), sandbox.PodSandboxId)
		return 0, start()
	case options.stdin:
		err = c.attach(ctx, id, options.tty, start)
	default:
		if err = start(); err == nil {
			err = c.followLog(ctx, id, true, command.OutOrStdout(), command.ErrOrStderr())
		}
	}
	if err != nil {
		return 0, err
	}
	return c.awaitExit(ctx, id)
}

func (options criRun) sandbox(image string) *cri.PodSandboxConfig {
	name := options.name
	if name == "" {
		name = image[strings.LastIndex(image, "/")+1:]
		name, _, _ = strings.Cut(name, ":")
		name, _, _ = strings.Cut(name, "@")
	}
	namespaces := &cri.NamespaceOption{Pid: cri.NamespaceMode_CONTAINER}
	if options.onNode {
		namespaces.Network = cri.NamespaceMode_NODE
	}
	return &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: name, Namespace: "cri", Uid: fmt.Sprintf("%s-%d", name, os.Getpid())}, Hostname: name,
		Linux: &cri.LinuxPodSandboxConfig{SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: namespaces}},
	}
}

func (c *criClient) createIn(ctx context.Context, sandbox string, config *cri.PodSandboxConfig, options criRun, image string, args []string) (string, error) {
	created, err := c.CreateContainer(ctx, &cri.CreateContainerRequest{PodSandboxId: sandbox, SandboxConfig: config, Config: &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: "main"}, Image: &cri.ImageSpec{Image: image, UserSpecifiedImage: image}, Command: args,
		LogPath: "main.log", Stdin: options.stdin, StdinOnce: options.stdin, Tty: options.tty,
		Linux: &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{
			NamespaceOptions: config.Linux.SecurityContext.NamespaceOptions,
		}},
	}})
	return created.GetContainerId(), err
}

// ensureImage pulls an image that is not there.
func (c *criClient) ensureImage(ctx context.Context, image string) error {
	status, err := c.images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: image}})
	if err != nil || status.Image != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "image %s is not on this node: pulling it\n", image)
	_, err = c.images.PullImage(ctx, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: image}})
	return err
}

// awaitExit returns the exit code of a container once it has exited. It hears of it at once.
func (c *criClient) awaitExit(ctx context.Context, id string) (int32, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, err := c.GetContainerEvents(ctx, &cri.GetEventsRequest{})
	if err != nil {
		return 0, err
	}
	if _, err := events.Header(); err != nil { // from here on nothing is missed
		return 0, err
	}
	for {
		status, err := c.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
		if err != nil {
			return 0, err
		}
		if status.Status.State == cri.ContainerState_CONTAINER_EXITED {
			return status.Status.ExitCode, nil
		}
		if _, err := events.Recv(); err == io.EOF {
			return 0, fmt.Errorf("the runtime ended while we waited for container %s", id)
		} else if err != nil {
			return 0, err
		}
	}
}
