//go:build linux

package containers

import (
	"context"
	"io"
)

// Stdio is where a command's input comes from and its output goes to; nil means nowhere. With a terminal all output
// goes to Stdout.
type Stdio struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Exec runs a further command in a running container and returns its exit code once it has ended and all output is
// copied. The error is for a command that did not run or was lost sight of. When ctx ends, the command is killed.
// A Read of stdio.Stdin may outlive the call. Sizes from resize, which may be nil, are for a terminal.
//
// Without a terminal the command writes straight to us: the shim only hands over pipes. With one it hands over the
// terminal's master. So output costs the shim nothing.
func (s *Shim) Exec(ctx context.Context, id string, c ExecConfig, stdio Stdio, resize <-chan Size) (int, error) {
	lines := &plumbing{}
	defer lines.close()
	if !c.Terminal {
		if err := lines.pipes(stdio); err != nil {
			return 0, err
		}
	}
	conn, err := s.open(ctx, Request{Op: OpExec, ID: id, Exec: &c, Streams: lines.used}, lines.theirs...)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	lines.handedOver()
	_, files, err := s.reply(ctx, conn)
	if err != nil {
		return 0, err
	}
	if c.Terminal {
		if err := lines.terminal(files[0], stdio, resize); err != nil {
			return 0, err
		}
	}
	lines.flow(ctx)
	reply, _, err := s.reply(ctx, conn)
	if err != nil {
		return 0, err
	}
	return *reply.Code, lines.drained(ctx)
}

// Attach joins the caller to the stdin, stdout and stderr of a container's command from now on, and returns when the
// container has exited and its output is copied, or when ctx ends. Several may be attached; one that does not read for
// ten seconds is cut off, as the log must go on. Sizes from resize, which may be nil, are for a terminal.
func (s *Shim) Attach(ctx context.Context, id string, stdio Stdio, resize <-chan Size) error {
	lines := &plumbing{}
	defer lines.close()
	if err := lines.pipes(stdio); err != nil {
		return err
	}
	conn, err := s.open(ctx, Request{Op: OpAttach, ID: id, Streams: lines.used}, lines.theirs...)
	if err != nil {
		return err
	}
	defer conn.Close()
	lines.handedOver()
	if _, _, err := s.reply(ctx, conn); err != nil {
		return err
	}
	lines.resize, lines.setSize = resize, func(size Size) { conn.Send(size) }
	lines.flow(ctx)
	if _, _, err := s.reply(ctx, conn); err != nil { // comes when the output has ended
		return err
	}
	return lines.drained(ctx)
}
