//go:build linux

package shim

import "kubelab/kube/containers"

// follower is a client that wants to hear of exits.
type follower struct {
	news []containers.Status // not yet sent; guarded by the server's lock
	wake chan struct{}
}

// follow sends the exits so far and then each as it happens, until the client goes.
func (s *server) follow(conn *containers.Conn) error {
	f := &follower{wake: make(chan struct{}, 1)}
	f.wake <- struct{}{}
	s.mu.Lock()
	for _, c := range s.containers {
		if c.told {
			f.news = append(f.news, c.currentStatus())
		}
	}
	s.followers[f] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.followers, f)
		s.mu.Unlock()
	}()
	gone := hangup(conn)
	for {
		select {
		case <-f.wake:
		case <-gone:
			return nil
		}
		s.mu.Lock()
		news := f.news
		f.news = nil
		s.mu.Unlock()
		if err := conn.Send(containers.Reply{Statuses: news}); err != nil {
			return err
		}
	}
}

// publish tells the followers of a container's exit.
func (s *server) publish(c *container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.told = true
	for f := range s.followers {
		f.news = append(f.news, c.currentStatus())
		select {
		case f.wake <- struct{}{}:
		default: // it has been woken and has not looked yet
		}
	}
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
