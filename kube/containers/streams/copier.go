//go:build linux

package streams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// Stdio is where a command's input comes from and its output goes to; nil means nowhere. With a terminal all output
// goes to Stdout.
type Stdio struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Size is that of a terminal, in characters.
type Size struct{ Width, Height uint16 }

// Copier copies between a caller's readers and writers and the file descriptors that a command has. The zero value has none yet. It is
// closed by its owner, which closes all descriptors.
type Copier struct {
	Used   [3]bool    // which of stdin, stdout and stderr there are
	Theirs []*os.File // the ends that go to the shim

	ours    []*os.File
	in      func()
	out     []func() error
	resize  <-chan Size
	setSize func(Size)

	flowing  errgroup.Group // output; nobody waits for input, as nobody can wake a Read of the caller's
	resizing sync.WaitGroup
	done     chan struct{} // ends resizing
	stop     func() bool
}

// Pipes makes one for each stream that the caller has.
func (c *Copier) Pipes(stdio Stdio) error {
	if stdio.Stdin != nil {
		r, w, err := c.pipe(0)
		if err != nil {
			return err
		}
		c.Theirs, c.ours = append(c.Theirs, r), append(c.ours, w)
		c.in = func() {
			io.Copy(w, stdio.Stdin)
			w.Close() // the command reads the end of its input
		}
	}
	for i, writer := range []io.Writer{stdio.Stdout, stdio.Stderr} {
		if writer == nil {
			continue
		}
		r, w, err := c.pipe(i + 1)
		if err != nil {
			return err
		}
		c.Theirs, c.ours = append(c.Theirs, w), append(c.ours, r)
		c.out = append(c.out, func() error {
			_, err := io.Copy(writer, r)
			r.Close() // if the writer failed, the command learns it as a shell pipeline would
			return err
		})
	}
	return nil
}

func (c *Copier) pipe(stream int) (r, w *os.File, err error) {
	c.Used[stream] = true
	return os.Pipe()
}

// Terminal takes over the master of a command's terminal.
func (c *Copier) Terminal(master *os.File, stdio Stdio, resize <-chan Size) error {
	master, err := Pollable(master)
	if err != nil {
		return err
	}
	c.ours = append(c.ours, master)
	if stdio.Stdin != nil {
		c.in = func() { io.Copy(master, stdio.Stdin) }
	}
	output := stdio.Stdout
	if output == nil {
		output = io.Discard
	}
	c.out = append(c.out, func() error {
		_, err := io.Copy(output, master)
		if errors.Is(err, syscall.EIO) { // how Linux says that the last process has closed the terminal
			return nil
		}
		return err
	})
	c.Resize(resize, func(size Size) { SetSize(master, size) })
	return nil
}

// Resize has sizes passed on to set while the streams flow.
func (c *Copier) Resize(sizes <-chan Size, set func(Size)) { c.resize, c.setSize = sizes, set }

// HandedOver closes the shim's ends, of which it has copies now.
func (c *Copier) HandedOver() {
	closeAll(c.Theirs)
	c.Theirs = nil
}

// Flow begins to copy. When ctx ends all stops.
func (c *Copier) Flow(ctx context.Context) {
	c.done = make(chan struct{})
	c.stop = context.AfterFunc(ctx, func() { closeAll(c.ours) })
	if c.in != nil {
		go c.in()
	}
	for _, out := range c.out {
		c.flowing.Go(out)
	}
	if c.resize != nil {
		c.resizing.Go(c.sizes)
	}
}

// sizes passes on sizes until the copier closes.
func (c *Copier) sizes() {
	for {
		select {
		case size, more := <-c.resize:
			if !more {
				return
			}
			c.setSize(size)
		case <-c.done:
			return
		}
	}
}

// Drained waits until all output is copied.
func (c *Copier) Drained(ctx context.Context) error {
	err := c.flowing.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	} else if err != nil {
		return fmt.Errorf("copy the command's output: %w", err)
	}
	return nil
}

// Close ends all copying.
func (c *Copier) Close() {
	closeAll(c.Theirs)
	closeAll(c.ours)
	if c.done != nil {
		c.stop()
		close(c.done)
		c.flowing.Wait()
		c.resizing.Wait()
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
