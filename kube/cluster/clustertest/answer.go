package clustertest

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Answer is all that a program said before it ended.
type Answer struct {
	Out       string
	Complaint string // what came on stderr
	Code      int    // its exit code; -1 when it had to be stopped
}

// In is the same cluster as a subtest sees it: what fails there fails the subtest.
func (c *Cluster) In(t testing.TB) *Cluster {
	same := *c
	same.T = t
	return &same
}

// Ask runs kubectl with a text on its standard input. To fail is an answer too.
func (c *Cluster) Ask(stdin string, arguments ...string) Answer {
	c.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var out, complaint bytes.Buffer
	command := c.Command(ctx, "kubectl", arguments...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &out, &complaint
	err := command.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		c.T.Fatalf("kubectl %s: %v", strings.Join(arguments, " "), err)
	}
	return Answer{out.String(), complaint.String(), command.ProcessState.ExitCode()}
}
