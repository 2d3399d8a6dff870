//go:build linux

package shim

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"kubelab/kube/broadcast"
	"kubelab/kube/containers"
)

// server is the shim's state: nothing but its containers.
type server struct {
	sandbox containers.Sandbox
	host    containers.Host
	tidy    *time.Timer // gives memory back to the kernel once nothing has been asked for a while

	stopping atomic.Bool // its containers end because it ends

	mu         sync.Mutex
	containers map[string]*container
	exits      broadcast.Broadcaster[containers.Status] // published by whoever holds mu
}

func newServer(sandbox containers.Sandbox) *server {
	return &server{
		sandbox: sandbox, tidy: time.AfterFunc(time.Second, debug.FreeOSMemory),
		containers: map[string]*container{},
	}
}

// serve answers until it is told to stop.
func (s *server) serve(l *net.UnixListener) error {
	for {
		socket, err := l.AcceptUnix()
		if err != nil {
			return err
		}
		go s.answer(&containers.Conn{UnixConn: socket})
	}
}

// answer deals with one connection, which is one request.
func (s *server) answer(conn *containers.Conn) {
	defer conn.Close()
	var r containers.Request
	var reply containers.Reply
	files, err := conn.Receive(&r)
	if err == nil {
		reply, err = s.do(conn, r, files)
	}
	if err != nil {
		reply = containers.ErrorReply(err)
	}
	conn.Send(reply)
	if r.Op == containers.OpStop && err == nil {
		os.Exit(0)
	}
	s.tidy.Reset(time.Second)
}

func (s *server) do(conn *containers.Conn, r containers.Request, files []*os.File) (reply containers.Reply, err error) {
	switch r.Op {
	case containers.OpList:
		return containers.Reply{Statuses: s.statuses()}, nil
	case containers.OpCreate:
		return reply, s.create(*r.Config)
	case containers.OpFollow:
		return reply, s.follow(conn)
	case containers.OpDelete:
		return reply, s.delete(r.ID)
	case containers.OpStop:
		return reply, s.stop()
	}
	c, err := s.find(r.ID)
	if err != nil {
		return reply, err
	}
	switch r.Op {
	case containers.OpStart:
		return reply, c.start()
	case containers.OpSignal:
		return reply, c.signal(syscall.Signal(r.Signal))
	case containers.OpReopen:
		return reply, c.log.Reopen()
	case containers.OpExec:
		return c.exec(conn, *r.Exec, filesOf(r, files))
	case containers.OpAttach:
		return reply, c.attach(conn, filesOf(r, files))
	}
	return reply, fmt.Errorf("a shim does not know how to %q", r.Op)
}

// filesOf sorts the files that came with a request; nil means that the client has no such stream.
func filesOf(r containers.Request, files []*os.File) (list [3]*os.File) {
	for i, used := range r.Streams {
		if used && len(files) > 0 {
			list[i], files = files[0], files[1:]
		}
	}
	return list
}

func (s *server) find(id string) (*container, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.containers[id]; c != nil && c.ready {
		return c, nil
	}
	return nil, fmt.Errorf("container %q in sandbox %s: %w", id, s.sandbox.ID, containers.ErrNotFound)
}

func (s *server) statuses() []containers.Status {
	var list []containers.Status
	for _, c := range s.settled() {
		if !c.hidden() {
			list = append(list, c.currentStatus())
		}
	}
	slices.SortFunc(list, func(a, b containers.Status) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// stop ends all containers and undoes prepare. What the files tell of the containers stays.
func (s *server) stop() error {
	s.stopping.Store(true)
	var dying []*container
	var failures []error
	for _, c := range s.settled() {
		if err := c.signal(syscall.SIGKILL); err != nil {
			failures = append(failures, err)
			continue
		}
		dying = append(dying, c)
	}
	for _, c := range dying {
		<-c.ended
		if err := c.release(); err != nil {
			failures = append(failures, fmt.Errorf("stop container %s: %w", c.config.ID, err))
		}
	}
	return errors.Join(append(failures, s.sandbox.UnmountShm())...)
}

// settled waits for creations and removals that are under way, and returns the containers that there are then.
func (s *server) settled() []*container {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.containers))
	s.mu.Unlock()
	return slices.DeleteFunc(all, func(c *container) bool {
		c.busy.Lock()
		defer c.busy.Unlock()
		now, err := s.find(c.config.ID)
		return err != nil || now != c
	})
}
