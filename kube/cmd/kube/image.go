//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/cluster"
	"kubelab/kube/images"
)

// imageOptions say which nodes' images a command is about.
type imageOptions struct{ cluster, node string }

func newImageCommand() *cobra.Command {
	var options imageOptions
	command := &cobra.Command{Use: "image", Short: "Put images into the nodes of a cluster, list them, remove them"}
	cluster.Flags(command.PersistentFlags(), &options.cluster, nil)
	command.PersistentPreRun = warnUnsupervised(&options.cluster)
	command.PersistentFlags().StringVar(&options.node, "node", "", "only this node (default: all)")
	command.AddCommand(&cobra.Command{
		Use: "load FILE", Args: cobra.ExactArgs(1),
		Short: "Load the images of an archive that docker save or podman save wrote (-: from stdin)",
		RunE: func(command *cobra.Command, args []string) error {
			return options.load(command.Context(), command.OutOrStdout(), args[0])
		},
	}, &cobra.Command{
		Use: "ls", Short: "List images", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return options.list(command.OutOrStdout()) },
	}, &cobra.Command{
		Use: "rm NAME", Short: "Remove an image", Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return options.remove(command.Context(), args[0]) },
	})
	return command
}

// each calls do for every node that the command is about.
func (o *imageOptions) each(do func(spec cluster.Spec, node cluster.Status) error) error {
	spec, hosts, err := cluster.List(o.cluster)
	if err != nil {
		return err
	}
	var failures error
	said, found := map[string]bool{}, false
	for _, host := range hosts {
		if host.Role == cluster.Node && (o.node == "" || o.node == host.Name) {
			found = true
			if err := do(spec, host); err != nil && !said[err.Error()] {
				said[err.Error()] = true // what is wrong on all of them is said once
				failures = errors.Join(failures, fmt.Errorf("%s: %w", host.Name, err))
			}
		}
	}
	if !found {
		return fmt.Errorf("the cluster %s has no node %q (see: %s)", o.cluster, o.node, spec.Command("node list"))
	}
	return failures
}

func (o *imageOptions) load(ctx context.Context, out io.Writer, path string) error {
	if path == "-" { // each node reads it anew
		copied, err := copyStdin()
		if err != nil {
			return err
		}
		defer os.Remove(copied)
		path = copied
	}
	archive, err := os.Open(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	return o.each(func(spec cluster.Spec, node cluster.Status) error {
		if _, err := archive.Seek(0, io.SeekStart); err != nil {
			return err
		}
		store, err := images.Open(spec.Images(node.Host))
		if err != nil {
			return err
		}
		loaded, err := store.Load(ctx, archive)
		for _, image := range loaded {
			fmt.Fprintf(out, "%s has %s\n", node.Name, image.Name())
		}
		return err
	})
}

func copyStdin() (path string, err error) {
	file, err := os.CreateTemp("", "kube-image-*.tar")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(file, os.Stdin)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

func (o *imageOptions) list(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "NODE\tIMAGE\tID\tSIZE")
	err := o.each(func(spec cluster.Spec, node cluster.Status) error {
		store, err := images.Open(spec.Images(node.Host))
		if err != nil {
			return err
		}
		have, err := store.List()
		for _, image := range have {
			for _, name := range image.Names() {
				fmt.Fprintf(table, "%s\t%s\t%.19s\t%s\n", node.Name, name, image.ID, mebibytes(image.Size))
			}
		}
		return err
	})
	return errors.Join(err, table.Flush())
}

// remove asks the node's runtime, which knows whether a container still needs the image.
func (o *imageOptions) remove(ctx context.Context, name string) error {
	return o.each(func(spec cluster.Spec, node cluster.Status) error {
		if !node.Running {
			return errors.New("it is off: an image is removed by its runtime")
		}
		var client criClient
		closeIt, err := client.connect(spec.Runtime(node.Host))
		if err != nil {
			return err
		}
		defer closeIt()
		_, err = client.images.RemoveImage(ctx, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: name}})
		return said(err)
	})
}
