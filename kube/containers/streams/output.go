//go:build linux

package streams

import (
	"bytes"
	"os"
	"sync"
	"time"
)

// firstWords is how many bytes of the beginning of an output are kept.
const firstWords = 1 << 10

// Output is one stream of a command's, copied to the log and to whoever is attached.
type Output struct {
	Name   string   // "stdout" or "stderr"
	Source *os.File // [Output.Close] closes it
	First  []byte   // the beginning of what was written, once all is copied

	mu       sync.Mutex
	ended    bool
	attached []*os.File
}

// Flow copies until the stream ends.
func (o *Output) Flow(log *LogFile) {
	buffer, filled := make([]byte, MaxLogLine), 0
	var entries []byte
	for {
		n, err := o.Source.Read(buffer[filled:])
		if o.First == nil && n > 0 {
			o.First = bytes.Clone(buffer[filled : filled+min(n, firstWords)])
		}
		o.share(buffer[filled : filled+n])
		filled += n
		var rest []byte
		entries, rest = LogEntries(entries[:0], time.Now(), o.Name, buffer[:filled], err != nil)
		log.Write(entries)
		filled = copy(buffer, rest)
		if cap(entries) > 2*MaxLogLine { // thousands of short lines at once: rare, so not kept
			entries = nil
		}
		if err != nil {
			return
		}
	}
}

// share gives output to the attached clients. One that does not take it in time is cut off.
func (o *Output) share(data []byte) {
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

// Attach gives a client all output from now on. The output closes it at its end, or when it does not read.
func (o *Output) Attach(client *os.File) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		client.Close()
		return
	}
	o.attached = append(o.attached, client)
}

// Close tells the attached clients that there is no more.
func (o *Output) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.Source.Close()
	for _, client := range o.attached {
		client.Close()
	}
	o.attached = nil
}

// Detach is for a client that has gone.
func (o *Output) Detach(client *os.File) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, other := range o.attached {
		if other == client {
			o.attached = append(o.attached[:i], o.attached[i+1:]...)
			return
		}
	}
}
