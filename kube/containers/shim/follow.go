//go:build linux

package shim

import "kubelab/kube/containers"

// follow sends the exits so far and then each as it happens, until the client goes.
func (s *server) follow(conn *containers.Conn) error {
	s.mu.Lock()
	exits := s.exits.Listen()
	var news []containers.Status
	for _, c := range s.containers {
		if c.told {
			news = append(news, c.currentStatus())
		}
	}
	s.mu.Unlock()
	defer exits.Close()
	gone := hangup(conn)
	for {
		if err := conn.Send(containers.Reply{Statuses: news}); err != nil {
			return err
		}
		select {
		case <-exits.Wake():
		case <-gone:
			return nil
		}
		news, _ = exits.Take() // it has no bound, so nothing is missed
	}
}

// publish tells the followers of a container's exit.
func (s *server) publish(c *container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.told = true
	s.exits.Publish(c.currentStatus())
}

// hangup returns a channel that is closed when the client, which has no more to say, ends the connection.
func hangup(conn *containers.Conn) <-chan struct{} {
	gone := make(chan struct{})
	go func() { // ends with the connection
		defer close(gone)
		var nothing struct{}
		for {
			if _, err := conn.Receive(&nothing); err != nil {
				return
			}
		}
	}()
	return gone
}
