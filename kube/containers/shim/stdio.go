//go:build linux

package shim

import (
	"os"
	"strings"
	"sync"
	"time"

	"kubelab/kube/containers/streams"
)

// stdio is what the shim holds of a command's stdin, stdout and stderr.
type stdio struct {
	theirs  []*os.File // the command's ends, until it has them
	console *os.File   // with a terminal: first the socket that its master comes through, then the master
	outputs []*streams.Output

	flowing sync.WaitGroup
	mu      sync.Mutex
	input   *os.File // what clients type goes here; nil: the command has no stdin, or not any more
}

// open makes pipes, or asks for a terminal.
func (s *stdio) open(c *container) error {
	if c.config.Terminal {
		ours, theirs, err := streams.ConsolePair()
		if err != nil {
			return err
		}
		s.console, c.first.ConsoleSocket, s.theirs = ours, theirs, []*os.File{theirs}
		return nil
	}
	if c.config.Stdin {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		c.first.Stdin, s.input, s.theirs = r, w, append(s.theirs, r)
	}
	for _, name := range []string{"stdout", "stderr"} {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		s.theirs, s.outputs = append(s.theirs, w), append(s.outputs, &streams.Output{Name: name, Source: r})
	}
	c.first.Stdout, c.first.Stderr = s.theirs[len(s.theirs)-2], s.theirs[len(s.theirs)-1]
	return nil
}

// handedOver closes the command's ends: it has its own now, and we must see when those are closed.
func (s *stdio) handedOver() {
	for _, f := range s.theirs {
		f.Close()
	}
	s.theirs = nil
}

// begin starts to copy the output.
func (s *stdio) begin(log *streams.LogFile) error {
	if s.console != nil {
		master, err := streams.ReceiveMaster(s.console)
		if err != nil {
			return err
		}
		if master, err = streams.Pollable(master); err != nil {
			return err
		}
		s.console.Close()
		s.console, s.input = master, master
		s.outputs = []*streams.Output{{Name: "stdout", Source: master}}
	}
	for _, o := range s.outputs {
		s.flowing.Go(func() { o.Flow(log) })
	}
	return nil
}

// firstWords is the beginning of what came on stderr, or from the terminal, once the output is drained.
func (s *stdio) firstWords() string {
	return strings.ToValidUTF8(strings.TrimSpace(string(s.outputs[len(s.outputs)-1].First)), "\uFFFD")
}

// drain waits for the last output of a command that has ended. Its end comes when the last process that has the pipe
// open closes it. That one may live outside the container if the file was sent there, so there is a limit.
func (s *stdio) drain() {
	for _, o := range s.outputs {
		o.Source.SetReadDeadline(time.Now().Add(5 * time.Second))
	}
	s.flowing.Wait()
	s.close()
}

func (s *stdio) close() {
	s.handedOver()
	s.closeInput()
	if s.console != nil {
		s.console.Close()
	}
	for _, o := range s.outputs {
		o.Close()
	}
}

func (s *stdio) closeInput() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.input != nil && s.input != s.console {
		s.input.Close()
	}
	s.input = nil
}
