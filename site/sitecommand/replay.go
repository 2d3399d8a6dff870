package sitecommand

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kubelab/site"
	"kubelab/site/record"
	"kubelab/site/web"
)

// Replay is the command kube replay.
func Replay() *cobra.Command {
	var listen string
	command := &cobra.Command{
		Use: "replay FILE", Short: "Show a recording in a browser, with no cluster and without root", Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return replay(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), args[0], listen)
		},
	}
	command.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "the address and port to listen at (port 0: any that is free)")
	return command
}

// replay serves a recording until ctx is done, and prints where a browser finds it.
func replay(ctx context.Context, out, say io.Writer, path, listen string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	recording, err := record.Read(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	fmt.Fprintf(say, "replay: %d frames of the cluster %s, %s from %s\n", len(recording.Frames), recording.Cluster,
		recording.To.Sub(recording.From).Round(time.Second), recording.From.Local().Format(time.DateTime))
	if recording.Cut != "" {
		fmt.Fprintln(say, "replay: the file is not whole:", recording.Cut)
	}
	listener, err := site.Listen(listen, "", "", "")
	if errors.Is(err, site.ErrBeyondLoopback) {
		_, port, _ := net.SplitHostPort(listen) // it is an address, or Listen would say so
		return fmt.Errorf("--listen %s: a recording is shown to the machine itself only. Say --listen 127.0.0.1:%s, and on the other machine "+
			"ssh -L %[2]s:127.0.0.1:%[2]s THIS-MACHINE; or copy the file there: kube replay needs no cluster", listen, port)
	}
	if err != nil {
		return err
	}
	printed := false
	server := site.New(site.Config{
		Cluster: recording.Cluster, Recording: recording, Pages: web.Files(),
		Publish: func(role site.Role, url string) error { // one call after the other
			if role != site.Student {
				return nil
			}
			if printed { // the first is spent
				_, err := fmt.Fprintln(say, "replay: for one more browser:", url)
				return err
			}
			printed = true
			_, err := fmt.Fprintln(out, url)
			return err
		},
	})
	return server.Serve(ctx, listener)
}
