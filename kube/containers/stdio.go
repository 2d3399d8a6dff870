//go:build linux

package containers

import (
	"context"

	"kubelab/kube/containers/streams"
)

// Exec runs a further command in a running container and returns its exit code once it has ended and all output is
// copied. The error is for a command that did not run or was lost sight of. When ctx ends, the command is killed.
// A Read of stdio.Stdin may outlive the call. Sizes from resize, which may be nil, are for a terminal.
//
// Without a terminal the command writes straight to us: the shim only hands over pipes. With one it hands over the
// terminal's master. So output costs the shim nothing.
func (s *Shim) Exec(ctx context.Context, id string, c ExecConfig, stdio streams.Stdio, resize <-chan streams.Size) (int, error) {
	copier := &streams.Copier{}
	defer copier.Close()
	if !c.Terminal {
		if err := copier.Pipes(stdio); err != nil {
			return 0, err
		}
	}
	conn, err := s.open(ctx, Request{Op: OpExec, ID: id, Exec: &c, Streams: copier.Used}, copier.Theirs...)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	copier.HandedOver()
	_, files, err := s.reply(ctx, conn)
	if err != nil {
		return 0, err
	}
	if c.Terminal {
		if err := copier.Terminal(files[0], stdio, resize); err != nil {
			return 0, err
		}
	}
	copier.Flow(ctx)
	reply, _, err := s.reply(ctx, conn)
	if err != nil {
		return 0, err
	}
	return *reply.Code, copier.Drained(ctx)
}

// Attach joins the caller to the stdin, stdout and stderr of a container's command from now on, and returns when the
// container has exited and its output is copied, or when ctx ends. Several may be attached; one that does not read for
// ten seconds is cut off, as the log must go on. Sizes from resize, which may be nil, are for a terminal.
func (s *Shim) Attach(ctx context.Context, id string, stdio streams.Stdio, resize <-chan streams.Size) error {
	copier := &streams.Copier{}
	defer copier.Close()
	if err := copier.Pipes(stdio); err != nil {
		return err
	}
	conn, err := s.open(ctx, Request{Op: OpAttach, ID: id, Streams: copier.Used}, copier.Theirs...)
	if err != nil {
		return err
	}
	defer conn.Close()
	copier.HandedOver()
	if _, _, err := s.reply(ctx, conn); err != nil {
		return err
	}
	copier.Resize(resize, func(size streams.Size) { conn.Send(size) })
	copier.Flow(ctx)
	if _, _, err := s.reply(ctx, conn); err != nil { // comes when the output has ended
		return err
	}
	return copier.Drained(ctx)
}
