//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// Create prepares a container and stops just before its command begins: root file system, namespaces and cgroup are
// there, and its first process waits. When that process cannot become the command (there is no such program, or no such
// working directory) the container has exited with [ReasonStartError], and [Shim.Start] says why. After an error nothing is
// left, but for one: when ctx ends the shim goes on, and [Shim.Delete] waits for it and removes the container.
func (s *Shim) Create(ctx context.Context, c Config) error {
	_, err := s.call(ctx, Request{Op: OpCreate, ID: c.ID, Config: &c})
	return err
}

// Start lets the command of a created container begin. That the kernel refuses to run it (it is no program, its
// environment is too large) is known only then: the container exits with [ReasonStartError].
func (s *Shim) Start(ctx context.Context, id string) error {
	_, err := s.call(ctx, Request{Op: OpStart, ID: id})
	return err
}

// Signal sends sig to the container's first process. SIGKILL goes to all of them. A container that has exited is no error.
func (s *Shim) Signal(ctx context.Context, id string, sig syscall.Signal) error {
	_, err := s.call(ctx, Request{Op: OpSignal, ID: id, Signal: int(sig)})
	return ignoreDead(err)
}

// Delete kills what still runs in the container and removes its mount, cgroup and files. One that is not there is no error.
func (s *Shim) Delete(ctx context.Context, id string) error {
	_, err := s.call(ctx, Request{Op: OpDelete, ID: id})
	if errors.Is(err, ErrShimDead) {
		return s.deleteRemains(id)
	}
	return err
}

// List returns the status of every container, oldest first. It waits for those that are being created or removed.
func (s *Shim) List(ctx context.Context) ([]Status, error) {
	reply, err := s.call(ctx, Request{Op: OpList})
	if errors.Is(err, ErrShimDead) {
		return s.buried()
	}
	return reply.Statuses, err
}

// Alive says whether the shim listens.
func (s *Shim) Alive() bool {
	conn, err := s.dial()
	if err != nil {
		return !errors.Is(err, ErrShimDead)
	}
	conn.Close()
	return true
}

// Status returns that of one container, or ErrNotFound.
func (s *Shim) Status(ctx context.Context, id string) (Status, error) {
	all, err := s.List(ctx)
	if err != nil {
		return Status{}, err
	}
	for _, status := range all {
		if status.ID == id {
			return status, nil
		}
	}
	return Status{}, fmt.Errorf("container %s: %w", id, ErrNotFound)
}

// ReopenLog makes the container's log anew at its LogPath, after somebody has renamed the old file. Lines are neither
// lost nor split.
func (s *Shim) ReopenLog(ctx context.Context, id string) error {
	_, err := s.call(ctx, Request{Op: OpReopen, ID: id})
	return ignoreDead(err)
}

// Stop kills all containers and ends the shim. Then nothing is left but files: List still tells how each container
// ended, until Delete. A dead shim is no error.
func (s *Shim) Stop(ctx context.Context) error {
	_, err := s.call(ctx, Request{Op: OpStop})
	if errors.Is(err, ErrShimDead) {
		return s.releaseRemains()
	}
	return err
}

// Exits sends the status of every container that has exited, then of each that exits, and closes the channel when ctx
// ends or the shim does. When the shim was killed, its containers are killed too, and every exit is sent once more, so
// that none is missed.
func (s *Shim) Exits(ctx context.Context) (<-chan Status, error) {
	conn, err := s.open(ctx, Request{Op: OpFollow})
	if err != nil && !errors.Is(err, ErrShimDead) {
		return nil, err
	}
	exits := make(chan Status)
	send := func(all []Status) {
		for _, status := range all {
			select {
			case exits <- status:
			case <-ctx.Done():
			}
		}
	}
	go func() {
		defer close(exits)
		for conn != nil {
			reply, _, err := s.reply(ctx, conn)
			if err != nil {
				conn.Close()
				break
			}
			send(reply.Statuses)
		}
		if ctx.Err() == nil {
			left, _ := s.buried() // what cannot be read now, the next ConnectShim reads
			send(left)
		}
	}()
	return exits, nil
}

func ignoreDead(err error) error {
	if errors.Is(err, ErrShimDead) {
		return nil
	}
	return err
}

// call sends a request and waits for its one reply.
func (s *Shim) call(ctx context.Context, r Request, files ...*os.File) (Reply, error) {
	conn, err := s.open(ctx, r, files...)
	if err != nil {
		return Reply{}, err
	}
	defer conn.Close()
	reply, files, err := s.reply(ctx, conn)
	closeAll(files)
	return reply, err
}

// open sends a request on a connection that ends with ctx.
func (s *Shim) open(ctx context.Context, r Request, files ...*os.File) (*Conn, error) {
	conn, err := s.dial()
	if err != nil {
		return nil, err
	}
	conn.stop = context.AfterFunc(ctx, func() { conn.UnixConn.Close() })
	if err := conn.Send(r, files...); err != nil {
		conn.Close()
		return nil, s.explain(ctx, err)
	}
	return conn, nil
}

// reply waits for the next reply; the files that come with it are the caller's.
func (s *Shim) reply(ctx context.Context, conn *Conn) (Reply, []*os.File, error) {
	var reply Reply
	files, err := conn.Receive(&reply)
	if err != nil {
		return Reply{}, nil, s.explain(ctx, err)
	}
	return reply, files, reply.Err()
}

// explain says why a connection broke.
func (s *Shim) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("sandbox %s: %w", s.Sandbox.ID, ErrShimDead)
	}
	return fmt.Errorf("talk to shim of sandbox %s: %w", s.Sandbox.ID, err)
}
