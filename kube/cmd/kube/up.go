//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/klog/v2"

	"kubelab/kube/cluster"
	"kubelab/kube/services"
	"kubelab/labs"
	"kubelab/site"
)

// startTerm is how long a cluster may take until it can be used.
const startTerm = 3 * time.Minute

type upOptions struct {
	cluster.Options
	memory string
	detach bool
}

func newUpCommand() *cobra.Command {
	options := upOptions{Options: cluster.Options{Nodes: -1}}
	command := &cobra.Command{
		Use: "up", Short: "Start a cluster on this machine, and keep it running until Ctrl-C", Args: cobra.NoArgs,
		Long: `Start a cluster on this machine: each host is a set of namespaces with its own network, processes and
limits. It runs until Ctrl-C, which leaves the machine as it was; with --detach until "kube down".`,
		RunE: func(command *cobra.Command, _ []string) error {
			options.Asked = map[string]bool{}
			command.Flags().Visit(func(flag *pflag.Flag) { options.Asked[flag.Name] = true })
			return options.run(command.Context(), command.OutOrStdout())
		},
	}
	flags := command.Flags()
	cluster.Flags(flags, &options.Name, &options.DataDir)
	flags.IntVar(&options.Nodes, "nodes", -1, "how many nodes there are to be at least (default 3, or as many as there were)")
	flags.BoolVar(&options.Isolated, "isolated", false, "let the hosts reach nothing outside of the cluster")
	flags.IntVar(&options.Port, "port", 0, "where the API is reached on 127.0.0.1 (default 6443, for further clusters any)")
	flags.TextVar(&options.Pods, "pod-cidr", cluster.DefaultPods, "the addresses of pods")
	flags.TextVar(&options.Services, "service-cidr", services.DefaultRange, "the addresses of services")
	flags.IntVar(&options.CPU, "node-cpu", 0, "how many cores a node may use (default: as many as the machine has)")
	flags.StringVar(&options.memory, "node-memory", "", "how much memory a node may use, as in 4Gi (default: half of the machine's)")
	flags.StringVar(&options.Bin, "bin", filepath.Dir(cluster.Program("kube")), "the directory of the programs kube, kube-shim and kube-pause")
	flags.BoolVar(&options.NoSite, "no-site", false, "start no lab site")
	lab := &options.Site
	flags.StringVar(&lab.Listen, "site-listen", "", "where a browser finds the lab site (default 127.0.0.1:8080, or another free port)")
	flags.StringSliceVar(&lab.AllowHosts, "allow-host", nil, "a name by which a browser may reach the lab site, beside localhost (can be repeated)")
	flags.StringVar(&lab.PasswordFile, "site-password-file", "", "the file with the lab site's password; needed where it listens beyond the loopback")
	flags.StringVar(&lab.Cert, "site-cert", "", "the file of the lab site's TLS certificate; needed where it listens beyond the loopback")
	flags.StringVar(&lab.Key, "site-key", "", "the file of that certificate's key")
	flags.BoolVar(&options.detach, "detach", false, "return when the cluster can be used")
	return command
}

// kubeconfigOf finds the administrator's kubeconfig of a cluster on this machine.
func kubeconfigOf(name string) (string, error) {
	spec, _, err := cluster.List(name)
	if err != nil {
		return "", err
	}
	return spec.Kubeconfig(), nil
}

// warnUnsupervised tells whoever looks at a cluster's hosts, or breaks them, that nothing comes back by itself.
func warnUnsupervised(name *string) func(*cobra.Command, []string) {
	return func(command *cobra.Command, _ []string) {
		if spec, alone := cluster.Unsupervised(*name); alone {
			fmt.Fprintf(command.ErrOrStderr(), "kube: the supervisor of the cluster %s was killed: a host that ends stays down until %q\n",
				*name, spec.Sudo("up"))
		}
	}
}

// defaultDataDir is the data directory of a cluster where nobody chose one.
func defaultDataDir(name, chosen string) (string, error) {
	if chosen != "" {
		return filepath.Abs(chosen)
	}
	return cluster.DefaultDataDir(name), nil
}

// complete fills in what the person left open.
func (o *upOptions) complete() error {
	cores, memory, err := cluster.Machine()
	if err != nil {
		return err
	}
	if o.CPU == 0 {
		o.CPU = cores
	}
	o.Memory = memory / 2
	if o.memory != "" {
		quantity, err := resource.ParseQuantity(o.memory)
		if err != nil || quantity.Value() <= 0 {
			return fmt.Errorf("--node-memory %q is no amount of memory: write it as 4Gi or 512Mi", o.memory)
		}
		o.Memory = quantity.Value()
	}
	if o.Nodes < -1 {
		return fmt.Errorf("--nodes %d: a cluster cannot have fewer than no nodes", o.Nodes)
	}
	for _, path := range []*string{&o.Bin, &o.Site.PasswordFile, &o.Site.Cert, &o.Site.Key} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	if o.DataDir, err = defaultDataDir(o.Name, o.DataDir); err != nil {
		return err
	}
	return o.checkSite()
}

// checkSite tries what the lab site will do in a process of its own, so that a mistake is said before anything is made.
func (o *upOptions) checkSite() error {
	password, err := site.ReadPassword(o.Site.PasswordFile)
	if err == nil && o.Site.Listen != "" {
		var listener net.Listener
		if listener, err = site.Listen(o.Site.Listen, o.Site.Cert, o.Site.Key, password); err == nil {
			return listener.Close()
		}
	}
	if err != nil && !errors.Is(err, syscall.EADDRINUSE) { // perhaps by the site of this cluster, which runs already
		return fmt.Errorf("the lab site: %w", err)
	}
	return nil
}

func (o *upOptions) run(ctx context.Context, out io.Writer) error {
	began := time.Now()
	klog.SetSlogLogger(slog.New(slog.DiscardHandler)) // what client-go says of a try that came too early
	if err := o.complete(); err != nil {
		return err
	}
	spec, before, err := cluster.Up(ctx, o.Options)
	if err != nil {
		return err
	}
	if before == cluster.Supervised {
		fmt.Fprintf(out, "The cluster %s runs already.\n", o.Name)
	}
	if before == cluster.Files {
		fmt.Fprintf(out, "The cluster %s comes back with its objects, from %s.\n", o.Name, spec.DataDir)
	}
	if _, wrong := labs.Ours.All(); wrong != nil && !o.NoSite {
		fmt.Fprintf(out, "Some labs cannot be done, and their chapters are without:\n%v\n", wrong)
	}
	if err := o.await(ctx, out, spec, before, began); err != nil {
		return o.giveUp(ctx, err, spec, before)
	}
	if err := o.explain(ctx, out, spec); err != nil || before == cluster.Supervised {
		return err
	}
	if o.detach {
		return cluster.Detach(ctx, o.Name)
	}
	fmt.Fprintln(out, "\nCtrl-C takes it down.")
	if err := cluster.Supervise(ctx, o.Name); err == nil {
		fmt.Fprintf(out, "The cluster %s was taken down.\n", o.Name)
		return nil
	}
	return o.down(out)
}

// await prints what becomes usable, and when.
func (o *upOptions) await(ctx context.Context, out io.Writer, spec cluster.Spec, before cluster.Before, began time.Time) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTerm, fmt.Errorf("not usable after %v", startTerm))
	defer cancel()
	var one sync.Mutex
	say := func(what string) {
		one.Lock()
		defer one.Unlock()
		fmt.Fprintf(out, "%6.2f s  %s\n", time.Since(began).Seconds(), what)
	}
	if before < cluster.Hosts {
		say(fmt.Sprintf("%d hosts started", len(spec.Hosts)))
	}
	return cluster.Usable(ctx, spec, say)
}

// giveUp ends a start that was broken off by a person. Where it broke off by itself, or where the cluster was there
// before, all is left as it is.
func (o *upOptions) giveUp(ctx context.Context, err error, spec cluster.Spec, before cluster.Before) error {
	if ctx.Err() == nil || before != cluster.Nothing {
		return fmt.Errorf("%w\nThe cluster is left as it is; %q takes it away", err, spec.Sudo("down"))
	}
	return o.down(io.Discard)
}

func (o *upOptions) down(out io.Writer) error {
	fmt.Fprintf(out, "\nTaking down %s.\n", o.Name)
	return cluster.Down(context.Background(), o.Name, o.DataDir, false)
}

// explain says how the cluster is used.
func (o *upOptions) explain(ctx context.Context, out io.Writer, spec cluster.Spec) error {
	added := spec.Context()
	if path, err := cluster.AddContext(spec.Name); err != nil { // the cluster is up, and can be used without
		added = "none: " + err.Error()
	} else {
		added += ", in " + path
	}
	_, hosts, err := cluster.List(spec.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `
Use it:    %s get nodes
Context:   %s
As root:   export KUBECONFIG=%s
Hosts:     %s
`, cluster.Quoted(filepath.Join(spec.Bin, "kubectl")), added, cluster.Quoted(spec.Kubeconfig()), spec.Sudo("node list"))
	for _, host := range hosts {
		if host.Stopped {
			fmt.Fprintf(out, "Off:       %s, until %s\n", host.Name, spec.Sudo("node start "+host.Name))
		}
	}
	notes, err := cluster.Notes(ctx, spec)
	if err != nil { // the cluster is up all the same
		notes = append(notes, err.Error())
	}
	for _, note := range notes {
		fmt.Fprintf(out, "Note:      %s\n", note)
	}
	if spec.Site.Listen == "" {
		return nil
	}
	url, err := cluster.SiteURL(spec)
	fmt.Fprintf(out, "\nOpen %s in a browser.\n", url)
	return err
}

// newSuperviseCommand is what --detach leaves behind.
func newSuperviseCommand() *cobra.Command {
	var name string
	command := newComponentCommand("supervise", "Start again what ends of a cluster that is up", func(ctx context.Context) error {
		return cluster.Supervise(ctx, name)
	})
	command.Hidden = true
	cluster.Flags(command.Flags(), &name, nil)
	return command
}
