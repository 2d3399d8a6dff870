//go:build linux

package sitecommand

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"kubelab/kube/cluster"
	"kubelab/site/live"
	"kubelab/site/record"
	"kubelab/site/terminal"
)

// Record is the command kube record.
func Record() *cobra.Command {
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
	cluster.Flags(command.Flags(), &name, nil)
	command.Flags().DurationVar(&length, "for", 0, "how long, as 30s or 5m (0: until Ctrl-C)")
	return command
}

// newFile makes a file with the rights of the person who said sudo, and theirs: replaying it takes no root.
func newFile(path string) (file *os.File, remove func() error, err error) {
	person, err := terminal.FindPerson()
	if err != nil {
		return nil, nil, err
	}
	owner := person.Owner()
	err = owner.Do(func() error {
		file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		return err
	})
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: choose a file in a folder where %s may write", err, owner)
	} else if err != nil {
		err = fmt.Errorf("%w: choose a new file", err)
	}
	return file, func() error { return owner.Do(func() error { return os.Remove(path) }) }, err
}

// recordTo records until ctx is done, and says what it is doing. It replaces no file.
func recordTo(ctx context.Context, say io.Writer, path string, spec cluster.Spec) error {
	file, remove, err := newFile(path)
	if err != nil {
		return err
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
		return errors.Join(err, errors.New("nothing was recorded: the API server did not answer"), remove())
	}
	if err == nil {
		frames, size := writer.Size()
		fmt.Fprintf(say, "record: %d frames, %d bytes in %s; show them with: kube replay %s\n", frames, size, path, path)
	}
	return err
}
