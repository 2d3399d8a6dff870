//go:build linux

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"kubelab/kube/cluster"
	"kubelab/kube/component"
	"kubelab/kube/operator"
)

// usualUmask is that of a system's services. A person's own may be stricter: then a program in a pod that is not root could not read the pod's
// resolv.conf.
const usualUmask = 0o022

// newComponentCommand makes the command of a component: a process that works until SIGTERM or SIGINT
// cancels the context of run, and logs to stderr under its own name.
func newComponentCommand(name, short string, run func(ctx context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			logTo(name)
			syscall.Umask(usualUmask)
			if err := cluster.PassGate(); err != nil {
				return err
			}
			err := run(command.Context())
			if command.Context().Err() != nil {
				return nil // it was asked to stop: whatever broke off is no failure
			}
			return err
		},
	}
}

// newClientCommand makes the command of a component that is a client of the API server. A flag says on which host it runs. While
// run works, its steps are delivered beside it.
func newClientCommand(declared component.Component, run func(ctx context.Context, client *operator.Client) error) *cobra.Command {
	who := operator.Identity{Component: declared.Name}
	command := newComponentCommand(declared.Name, declared.Short, func(ctx context.Context) error {
		client, err := operator.Connect(who)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(ctx)
		var delivery sync.WaitGroup
		delivery.Go(func() { client.Deliver(ctx) })
		defer delivery.Wait()
		defer cancel()
		knock(ctx, client)
		return run(ctx, client)
	})
	hostname, _ := os.Hostname() // without one the flag has no default
	flags := command.Flags()
	flags.StringVar(&who.Kubeconfig, "kubeconfig", "", "the file that says how to reach the API server, and as whom")
	flags.StringVar(&who.Host, declared.HostFlag(), hostname, "the host that this process runs on")
	flags.StringVar(&who.Journal, "journal", "", "the file of steps that are not delivered yet (none: they are kept in memory only)")
	return command
}

// newLeaderCommand makes the command of a component of which one copy works: it makes its loops, and runs them while it holds its
// Lease.
func newLeaderCommand(declared component.Component, loops func(client *operator.Client) (cluster.Runner, error)) *cobra.Command {
	var command *cobra.Command
	command = newClientCommand(declared, func(ctx context.Context, client *operator.Client) error {
		work, err := loops(client)
		if err != nil {
			return err
		}
		client.Watches.StartWithContext(ctx) // so that whoever stands by knows what it needs to know
		return client.Lead(ctx, declared.Lease, command.Flag(declared.HostFlag()).Value.String(), func(ctx context.Context) error {
			if err := client.Sync(ctx); err != nil {
				return err
			}
			return work.Run(ctx)
		})
	})
	return command
}

// A watch that finds no API server comes back only after a second or two: that is client-go's pause. When
// all of a cluster starts at once it is quicker to knock until the door opens. Whoever restarts while there
// is no API server must not wait for it here, so nobody knocks for long.
const (
	knockEvery = 20 * time.Millisecond
	knockFor   = 3 * time.Second
)

func knock(ctx context.Context, client *operator.Client) {
	ctx, cancel := context.WithTimeout(ctx, knockFor)
	defer cancel()
	for client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() != nil && ctx.Err() == nil {
		time.Sleep(knockEvery)
	}
}

// logTo sends everything that this process logs to stderr, client-go's lines included.
func logTo(component string) {
	logger := slog.New(calm{slog.NewTextHandler(os.Stderr, nil).WithAttrs([]slog.Attr{slog.String("component", component)})})
	slog.SetDefault(logger)
	klog.SetSlogLogger(logger)
}

// calm leaves out what libraries say of a connection that one end closes while the other still reads: so ends every exec.
type calm struct{ slog.Handler }

// Handle logs what is not about such a connection.
func (h calm) Handle(ctx context.Context, record slog.Record) error {
	closed := false
	record.Attrs(func(attr slog.Attr) bool {
		err, _ := attr.Value.Any().(error)
		closed = slices.ContainsFunc([]error{net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET}, func(end error) bool { return errors.Is(err, end) })
		return !closed
	})
	if closed {
		return nil
	}
	return h.Handler.Handle(ctx, record)
}
