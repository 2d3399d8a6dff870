//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"kubelab/kube/cluster"
	"kubelab/site/live"
	"kubelab/site/record"
)

func newRecordCommand() *cobra.Command {
	var name string
	var length time.Duration
	command := &cobra.Command{
		Use: "record FILE", Short: "Record what happens in a cluster, for kube replay", Args: cobra.ExactArgs(1),
		Long: "Record what happens in a cluster, until Ctrl-C or for some time. The file can be shown with kube replay on any machine.\n" +
			"The values of Secrets are masked; whatever else is in the cluster's objects is in the file, environment variables too.",
		Example: `  sudo kube record lesson.kubelab
  sudo kube record lesson.kubelab --for 30s`,
		RunE: func(command *cobra.Command, args []string) error {
			spec, _, err := cluster.List(name)
			if err != nil {
				return err
			}
			ctx := command.Context()
			if length > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, length)
				defer cancel()
			}
			return recordTo(ctx, command.ErrOrStderr(), args[0], spec)
		},
	}
	clusterFlags(command.Flags(), &name, nil)
	command.Flags().DurationVar(&length, "for", 0, "how long, as 30s or 5m (0: until Ctrl-C)")
	return command
}

// giveToStudent gives a new file to the person who said sudo: replaying it takes no root.
func giveToStudent(file *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	_, owner, err := findStudent()
	if err == nil {
		err = file.Chown(owner.UID, owner.GID)
	}
	return err
}

// recordTo records until ctx is done, and says what it is doing. It replaces no file.
func recordTo(ctx context.Context, say io.Writer, path string, spec cluster.Spec) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("%w: choose a new file", err)
	}
	if err := giveToStudent(file); err != nil {
		return errors.Join(err, file.Close(), os.Remove(path))
	}
	history := record.NewHistory(record.LiveLimits)
	begun := make(chan struct{})
	var writer *record.Writer
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		return live.Run(ctx, live.Config{
			Cluster: spec.Name, Kubeconfig: spec.Kubeconfig(), History: history, Begun: func() { close(begun) },
			Notice: func(_, text string) { fmt.Fprintln(say, "record:", text) },
		})
	})
	work.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-begun:
		}
		var err error
		if writer, err = record.NewWriter(file, history.Snapshot()); err != nil {
			return err
		}
		fmt.Fprintf(say, "record: recording %s into %s; Ctrl-C ends it\n", spec.Name, path)
		return errors.Join(writer.Record(ctx, history), writer.Close())
	})
	err = errors.Join(work.Wait(), file.Close())
	if writer == nil {
		return errors.Join(err, errors.New("nothing was recorded: the API server did not answer"), os.Remove(path))
	}
	if err == nil {
		frames, size := writer.Size()
		fmt.Fprintf(say, "record: %d frames, %d bytes in %s; show them with: kube replay %s\n", frames, size, path, path)
	}
	return err
}
