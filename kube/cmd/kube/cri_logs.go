//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func newCRILogsCommand(client *criClient, with withClient) *cobra.Command {
	var follow bool
	command := &cobra.Command{
		Use: "logs ID|NAME", Short: "Print what a container has written", Args: cobra.ExactArgs(1),
		RunE: with(func(command *cobra.Command, args []string) error {
			container, err := client.findContainer(command.Context(), args[0])
			if err != nil {
				return err
			}
			return client.followLog(command.Context(), container.Id, follow, command.OutOrStdout(), command.ErrOrStderr())
		}),
	}
	command.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the container has exited")
	return command
}

// logPause is how long we wait at the end of a log before we look again.
const logPause = 20 * time.Millisecond

// followLog copies a container's log to our output, each line to where it was written to.
func (c *criClient) followLog(ctx context.Context, id string, follow bool, stdout, stderr io.Writer) error {
	answer, err := c.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id})
	if err != nil {
		return err
	}
	file, err := os.Open(answer.Status.LogPath)
	if err != nil {
		return fmt.Errorf("read the container's log: %w", err)
	}
	defer file.Close()
	lines := bufio.NewReader(file)
	var half string // of a line that is being written
	for exited := !follow; ; {
		line, err := lines.ReadString('\n')
		half += line
		switch {
		case err == nil:
			if err := copyLine(half, stdout, stderr); err != nil {
				return err
			}
			half = ""
		case !errors.Is(err, io.EOF):
			return fmt.Errorf("read the container's log: %w", err)
		case exited || ctx.Err() != nil:
			return ctx.Err()
		default:
			if answer, err = c.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: id}); err != nil {
				return err
			}
			// What it wrote last stands in the log before it counts as exited, so one more look at the log is enough.
			if exited = answer.Status.State == cri.ContainerState_CONTAINER_EXITED; !exited {
				pause(ctx, logPause)
			}
		}
	}
}

// copyLine takes a line of a CRI log apart: time, stream, tag (F: a full line, P: its end is still to come) and text.
func copyLine(line string, stdout, stderr io.Writer) error {
	parts := strings.SplitN(line, " ", 4)
	if len(parts) < 4 {
		return fmt.Errorf("not a line of a container's log: %q", line)
	}
	to, text := stdout, parts[3]
	if parts[1] == string(cri.Stderr) {
		to = stderr
	}
	if parts[2] == string(cri.LogTagPartial) {
		text = strings.TrimSuffix(text, "\n")
	}
	_, err := io.WriteString(to, text)
	return err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
