//go:build linux

package sitecommand

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"kubelab/kube/access"
	"kubelab/kube/cluster"
	"kubelab/labs"
	"kubelab/site"
	"kubelab/site/live"
	"kubelab/site/record"
	"kubelab/site/terminal"
	"kubelab/site/web"
)

// siteOptions are where the lab site is, and whose.
type siteOptions struct {
	name, dataDir, kubeconfig                string
	listen, urlFile, passwordFile, cert, key string
	allowHosts                               []string
	loops                                    []string
}

// Component makes the command of a component: a process that works until the context of run is done.
type Component = func(name, short string, run func(ctx context.Context) error) *cobra.Command

// Site is the command kube site, of a cluster that has loops of these names.
func Site(component Component, loops []string) *cobra.Command {
	o := siteOptions{loops: loops}
	command := component("site", "Serve the lab site of a cluster that is up: kube up starts it", func(ctx context.Context) error { return o.run(ctx) })
	command.Long = "Serve the lab site of a cluster that is up. \"kube up\" starts it, and starts it anew when it ends: there is no need to say this by hand.\n" +
		"To get in, say \"sudo kube site url\". Where and for whom it listens are options of \"kube up\": --site-listen, --allow-host and others."
	command.PreRunE = func(*cobra.Command, []string) error {
		if o.dataDir == "" || o.kubeconfig == "" || o.urlFile == "" {
			return errors.New("\"kube up\" starts the site, with all that it needs: say \"sudo kube site url\" for an address that lets a browser in")
		}
		return nil
	}
	flags := command.Flags()
	cluster.Flags(command.PersistentFlags(), &o.name, nil)
	flags.StringVar(&o.dataDir, "data-dir", "", "the directory of all that the cluster keeps")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "the kubeconfig of an administrator of the cluster")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "where a browser finds the site; beyond the loopback it takes --cert, --key and --password-file")
	flags.StringVar(&o.urlFile, "url-file", "", "where to keep the address that lets one browser in; that for viewers is kept beside it")
	flags.StringSliceVar(&o.allowHosts, "allow-host", nil, "a name by which a browser may reach the site, beside localhost (can be repeated)")
	flags.StringVar(&o.passwordFile, "password-file", "", "the file with the password that lets a browser in")
	flags.StringVar(&o.cert, "cert", "", "the file of the TLS certificate")
	flags.StringVar(&o.key, "key", "", "the file of that certificate's key")
	command.AddCommand(newSiteURLCommand(&o.name), newSiteSignOutCommand(&o.name))
	return command
}

func newSiteURLCommand(name *string) *cobra.Command {
	viewer := false
	command := &cobra.Command{
		Use: "url", Short: "Print an address that lets one browser into the lab site", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			spec, _, err := cluster.List(*name)
			if err != nil {
				return err
			}
			role := site.Student
			if viewer {
				role = site.Viewer
			}
			url, err := os.ReadFile(site.URLFile(spec.SiteURLFile(), role))
			if err != nil {
				return fmt.Errorf("the cluster %s has no lab site that is open: %w", *name, err)
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), strings.TrimSpace(string(url)))
			return err
		},
	}
	command.Flags().BoolVar(&viewer, "viewer", false, "for a projector: it may only look")
	return command
}

func newSiteSignOutCommand(name *string) *cobra.Command {
	return &cobra.Command{
		Use: "sign-out", Short: "End the sessions of all browsers: each needs a new address, or the password", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			spec, _, err := cluster.List(*name)
			if err != nil {
				return err
			}
			if err := os.Remove(spec.SiteSessionsFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			_, err = cluster.KillComponent(command.Context(), *name, "site", "") // it comes back, and knows nobody
			return err
		},
	}
}

// run serves the site, and gathers what it shows, until ctx is done.
func (o *siteOptions) run(ctx context.Context) (err error) {
	password, err := site.ReadPassword(o.passwordFile)
	if err != nil {
		return err
	}
	client, _, err := access.Connect(o.kubeconfig)
	if err != nil {
		return err
	}
	bin := filepath.Dir(cluster.Program("kube"))
	shells, err := terminal.New(terminal.Options{
		Dir: filepath.Join(o.dataDir, "terminal"), Kubeconfig: o.kubeconfig, Bin: bin, Settings: map[string]string{cluster.NameVariable: o.name},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shells.Close()) }()
	guided, err := newSiteLabs(shells, labs.Environment(shells.Programs(), bin, o.kubeconfig, o.name), &labs.Progress{Client: client})
	if err != nil {
		return err
	}
	asking, err := newRequests(o.name, o.kubeconfig, client)
	if err != nil {
		return err
	}
	listener, err := site.Listen(o.listen, o.cert, o.key, password)
	if err != nil {
		return err
	}
	spec := cluster.Spec{Name: o.name, DataDir: o.dataDir}
	history := record.NewHistory(record.LiveLimits)
	server := site.New(site.Config{
		Cluster: o.name, Source: history, Pages: web.Files(),
		Terminal: shells, Faults: faults{o.name, client}, Gates: gates{client, o.loops, history.Steps}, Requests: asking,
		Labs:       guided,
		AllowHosts: o.allowHosts, Password: password, Publish: site.KeepIn(o.urlFile),
		Sessions: spec.SiteSessionsFile(), NewAddress: "sudo " + spec.Command("site url"),
	})
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return server.Serve(ctx, listener) })
	work.Go(func() error {
		return live.Run(ctx, live.Config{Cluster: o.name, Kubeconfig: o.kubeconfig, History: history, Notice: server.Notice})
	})
	return work.Wait()
}
