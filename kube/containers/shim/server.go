//go:build linux

package shim

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"kubelab/kube/containers"
)

// server is the shim's state: nothing but its containers.
type server struct {
	sandbox containers.Sandbox
	host    containers.Host
	tidy    *time.Timer // gives memory back to the kernel once nothing has been asked for a while

	mu         sync.Mutex
	containers map[string]*container
	followers  map[*follower]bool
}

func newServer(sandbox containers.Sandbox) *server {
	return &server{
		sandbox: sandbox, tidy: time.AfterFunc(time.Second, debug.FreeOSMemory),
		containers: map[string]*container{}, followers: map[*follower]bool{},
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
		return reply, c.log.reopen()
	case containers.OpExec:
		return c.exec(conn, *r.Exec, streams(r, files))
	case containers.OpAttach:
		return reply, c.attach(conn, streams(r, files))
	}
	return reply, fmt.Errorf("a shim does not know how to %q", r.Op)
}

// streams sorts the files that came with a request; nil means that the client has no such stream.
func streams(r containers.Request, files []*os.File) (list [3]*os.File) {
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
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []containers.Status
	for _, c := range s.containers {
		if c.ready {
			list = append(list, c.currentStatus())
		}
	}
	slices.SortFunc(list, func(a, b containers.Status) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// stop undoes prepare.
func (s *server) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.containers); n > 0 {
		return fmt.Errorf("sandbox %s still has %d containers: delete them first", s.sandbox.ID, n)
	}
	return s.sandbox.UnmountShm()
}
