//go:build linux

package shim

import (
	"fmt"
	"io"
	"os"

	"kubelab/kube/containers"
	"kubelab/kube/containers/streams"
)

// attach joins a client to the command's stdio until the client hangs up or the command has ended. It replies once the
// client is joined, and at the end.
func (c *container) attach(conn *containers.Conn, files [3]*os.File) error {
	defer func() { closeAll(files) }() // whatever they are by then
	if state := c.currentStatus().State; state == containers.Exited {
		return fmt.Errorf("attach to container %s: %w", c.config.ID, containers.ErrNotRunning)
	}
	for i := range files {
		if files[i] == nil {
			continue
		}
		var err error
		if files[i], err = streams.Pollable(files[i]); err != nil {
			return fmt.Errorf("attach to container %s: %w", c.config.ID, err)
		}
	}
	for i, o := range c.io.outputs {
		if client := files[i+1]; client != nil {
			o.Attach(client)
			defer o.Detach(client)
		}
	}
	if err := conn.Send(containers.Reply{}); err != nil {
		return err
	}
	if files[0] != nil {
		go c.io.typeIn(files[0], c.config.StdinOnce) // until the client closes it, or we do when we return
	}
	select {
	case <-c.ended:
	case <-c.io.resizes(conn):
	}
	return nil
}

// typeIn copies what a client types to the command.
func (s *stdio) typeIn(client *os.File, once bool) {
	s.mu.Lock()
	input := s.input
	s.mu.Unlock()
	if input == nil {
		return
	}
	io.Copy(input, client)
	if once {
		s.closeInput()
	}
}

// resizes follows the sizes that a client sends. The channel is closed when the client hangs up.
func (s *stdio) resizes(conn *containers.Conn) <-chan struct{} {
	gone := make(chan struct{})
	go func() { // ends with the connection
		defer close(gone)
		for {
			var size streams.Size
			if _, err := conn.Receive(&size); err != nil {
				return
			}
			if s.console != nil {
				streams.SetSize(s.console, size)
			}
		}
	}()
	return gone
}
