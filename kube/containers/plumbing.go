//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// plumbing copies between a caller's readers and writers and the file descriptors that a command has.
type plumbing struct {
	used   [3]bool    // which of stdin, stdout, stderr there are
	theirs []*os.File // the ends that go to the shim
	ours   []*os.File

	in      func()
	out     []func() error
	resize  <-chan Size
	setSize func(Size)

	flowing  errgroup.Group // output; nobody waits for input, as nobody can wake a Read of the caller's
	resizing sync.WaitGroup
	done     chan struct{} // ends resizing
	stop     func() bool
}

// pipes makes one for each stream that the caller has.
func (p *plumbing) pipes(stdio Stdio) error {
	if stdio.Stdin != nil {
		r, w, err := p.pipe(0)
		if err != nil {
			return err
		}
		p.theirs, p.ours = append(p.theirs, r), append(p.ours, w)
		p.in = func() {
			io.Copy(w, stdio.Stdin)
			w.Close() // the command reads the end of its input
		}
	}
	for i, writer := range []io.Writer{stdio.Stdout, stdio.Stderr} {
		if writer == nil {
			continue
		}
		r, w, err := p.pipe(i + 1)
		if err != nil {
			return err
		}
		p.theirs, p.ours = append(p.theirs, w), append(p.ours, r)
		p.out = append(p.out, func() error {
			_, err := io.Copy(writer, r)
			r.Close() // if the writer failed, the command learns it as a shell pipeline would
			return err
		})
	}
	return nil
}

func (p *plumbing) pipe(stream int) (r, w *os.File, err error) {
	p.used[stream] = true
	return os.Pipe()
}

// terminal takes over the master of a command's terminal.
func (p *plumbing) terminal(master *os.File, stdio Stdio, resize <-chan Size) error {
	master, err := Pollable(master)
	if err != nil {
		return err
	}
	p.ours = append(p.ours, master)
	if stdio.Stdin != nil {
		p.in = func() { io.Copy(master, stdio.Stdin) }
	}
	output := stdio.Stdout
	if output == nil {
		output = io.Discard
	}
	p.out = append(p.out, func() error {
		_, err := io.Copy(output, master)
		if errors.Is(err, syscall.EIO) { // how Linux says that the last process has closed the terminal
			return nil
		}
		return err
	})
	p.resize, p.setSize = resize, func(size Size) { SetSize(master, size) }
	return nil
}

// handedOver closes the shim's ends, of which it has copies now.
func (p *plumbing) handedOver() {
	closeAll(p.theirs)
	p.theirs = nil
}

// flow begins to copy. When ctx ends all stops.
func (p *plumbing) flow(ctx context.Context) {
	p.done = make(chan struct{})
	p.stop = context.AfterFunc(ctx, func() { closeAll(p.ours) })
	if p.in != nil {
		go p.in()
	}
	for _, out := range p.out {
		p.flowing.Go(out)
	}
	if p.resize != nil {
		p.resizing.Go(p.sizes)
	}
}

// sizes passes on sizes until the plumbing closes.
func (p *plumbing) sizes() {
	for {
		select {
		case size, more := <-p.resize:
			if !more {
				return
			}
			p.setSize(size)
		case <-p.done:
			return
		}
	}
}

// drained waits until all output is copied.
func (p *plumbing) drained(ctx context.Context) error {
	err := p.flowing.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	} else if err != nil {
		return fmt.Errorf("copy the command's output: %w", err)
	}
	return nil
}

func (p *plumbing) close() {
	closeAll(p.theirs)
	closeAll(p.ours)
	if p.done != nil {
		p.stop()
		close(p.done)
		p.flowing.Wait()
		p.resizing.Wait()
	}
}

// Pollable returns f's descriptor as a file whose Read and Write end when another goroutine closes it, and which knows
// deadlines. f must not be used any more. It fails for files that poll(2) does not know.
func Pollable(f *os.File) (*os.File, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// SetSize tells a terminal's master its size; the kernel tells the processes (SIGWINCH).
func SetSize(master *os.File, size Size) error {
	raw, err := master.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: size.Width, Row: size.Height})
	})
	return errors.Join(err, failed)
}
