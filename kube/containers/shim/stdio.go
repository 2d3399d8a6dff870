//go:build linux

package shim

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"kubelab/kube/containers"

	"golang.org/x/sys/unix"
)

// stdio is what the shim holds of a command's stdin, stdout and stderr.
type stdio struct {
	theirs  []*os.File // the command's ends, until it has them
	console *os.File   // with a terminal: first the socket that its master comes through, then the master
	outputs []*output

	flowing sync.WaitGroup
	mu      sync.Mutex
	input   *os.File // what clients type goes here; nil: the command has no stdin, or not any more
}

// open makes pipes, or asks for a terminal.
func (s *stdio) open(c *container) error {
	if c.config.Terminal {
		ours, theirs, err := socketPair()
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
		s.theirs, s.outputs = append(s.theirs, w), append(s.outputs, &output{name: name, source: r})
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
func (s *stdio) begin(log *logFile) error {
	if s.console != nil {
		master, err := receiveMaster(s.console)
		if err != nil {
			return err
		}
		if master, err = containers.Pollable(master); err != nil {
			return err
		}
		s.console.Close()
		s.console, s.input = master, master
		s.outputs = []*output{{name: "stdout", source: master}}
	}
	for _, o := range s.outputs {
		s.flowing.Go(func() { o.flow(log) })
	}
	return nil
}

// firstWords is how many bytes of the beginning of an output are kept.
const firstWords = 1 << 10

// firstWords is the beginning of what came on stderr, or from the terminal, once the output is drained.
func (s *stdio) firstWords() string {
	return strings.ToValidUTF8(strings.TrimSpace(string(s.outputs[len(s.outputs)-1].first)), "\uFFFD")
}

// drain waits for the last output of a command that has ended. Its end comes when the last process that has the pipe
// open closes it. That one may live outside the container if the file was sent there, so there is a limit.
func (s *stdio) drain() {
	for _, o := range s.outputs {
		o.source.SetReadDeadline(time.Now().Add(5 * time.Second))
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
		o.close()
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

// output is one stream of a command's, copied to the log and to whoever is attached.
type output struct {
	name   string // "stdout" or "stderr"
	source *os.File
	first  []byte // the beginning of what was written, up to a line's length

	mu       sync.Mutex
	ended    bool
	attached []*os.File
}

func (o *output) flow(log *logFile) {
	buffer, filled := make([]byte, containers.MaxLogLine), 0
	var entries []byte
	for {
		n, err := o.source.Read(buffer[filled:])
		if o.first == nil && n > 0 {
			o.first = bytes.Clone(buffer[filled : filled+min(n, firstWords)])
		}
		o.share(buffer[filled : filled+n])
		filled += n
		var rest []byte
		entries, rest = containers.LogEntries(entries[:0], time.Now(), o.name, buffer[:filled], err != nil)
		log.write(entries)
		filled = copy(buffer, rest)
		if cap(entries) > 2*containers.MaxLogLine { // thousands of short lines at once: rare, so not kept
			entries = nil
		}
		if err != nil {
			return
		}
	}
}

// share gives output to the attached clients. One that does not take it in time is cut off.
func (o *output) share(data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := o.attached[:0]
	for _, client := range o.attached {
		client.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := client.Write(data); err != nil {
			client.Close()
			continue
		}
		kept = append(kept, client)
	}
	o.attached = kept
}

func (o *output) attach(client *os.File) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		client.Close()
		return
	}
	o.attached = append(o.attached, client)
}

// close tells the attached clients that there is no more.
func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.source.Close()
	for _, client := range o.attached {
		client.Close()
	}
	o.attached = nil
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket for the terminal: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "console"), os.NewFile(uintptr(fds[1]), "console"), nil
}

// receiveMaster takes the master of the terminal that was made inside the container.
func receiveMaster(socket *os.File) (*os.File, error) {
	name, rights := make([]byte, 256), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(socket.Fd()), name, rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("receive the container's terminal: %w", err)
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) == 0 {
		return nil, fmt.Errorf("receive the container's terminal: %d messages, %v", len(messages), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, fmt.Errorf("receive the container's terminal: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "terminal"), nil
}
