//go:build linux

package containers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// What can be asked of a shim. A connection carries one request and ends with it.
const (
	OpList   = "list"   // the reply has every container's status
	OpCreate = "create" // Config
	OpStart  = "start"
	OpSignal = "signal" // Signal
	OpDelete = "delete"
	OpReopen = "reopen" // open the log file anew, after somebody renamed it
	OpExec   = "exec"   // Exec and file descriptors; see [Shim.Exec]
	OpAttach = "attach" // file descriptors; see [Shim.Attach]
	OpFollow = "follow" // a reply for each exit, past and to come, until the connection ends
	OpStop   = "stop"   // ends the shim
)

// Request is the line of JSON that opens a connection. File descriptors travel beside it (SCM_RIGHTS, unix(7)).
type Request struct {
	Op     string
	ID     string      `json:",omitempty"` // the container
	Config *Config     `json:",omitempty"`
	Exec   *ExecConfig `json:",omitempty"`
	Signal int         `json:",omitempty"`
	// Streams says which of stdin, stdout and stderr come as file descriptors, in this order.
	Streams [3]bool
}

// Reply is a line of JSON from the shim: one for most requests, several for exec, attach and follow.
type Reply struct {
	Error    string   `json:",omitempty"`
	Kind     string   `json:",omitempty"` // which of the errors of this package it is, if any
	Statuses []Status `json:",omitempty"`
	Code     *int     `json:",omitempty"` // exec: the exit code
}

var kinds = map[string]error{"not found": ErrNotFound, "exists": ErrExists, "not running": ErrNotRunning}

// ErrorReply is the reply that [Reply.Err] turns into err again on the other side.
func ErrorReply(err error) Reply {
	r := Reply{Error: err.Error()}
	for kind, known := range kinds {
		if errors.Is(err, known) {
			r.Kind = kind
		}
	}
	return r
}

// Err is the error in a reply, or nil.
func (r Reply) Err() error {
	switch {
	case r.Error == "":
		return nil
	case kinds[r.Kind] != nil:
		return shimError{r.Error, kinds[r.Kind]}
	}
	return errors.New(r.Error)
}

// shimError has the shim's own words and answers to errors.Is.
type shimError struct {
	text string
	kind error
}

func (e shimError) Error() string { return e.text }
func (e shimError) Unwrap() error { return e.kind }

// Conn carries lines of JSON and file descriptors over a unix socket. One goroutine may read while another writes.
type Conn struct {
	*net.UnixConn
	rest  []byte      // read and not yet handed out
	files []*os.File  // received and not yet handed out
	stop  func() bool // no longer end with the context
}

// Close ends the connection, and with it whatever was asked for.
func (c *Conn) Close() error {
	if c.stop != nil {
		c.stop()
	}
	return c.UnixConn.Close()
}

// maxLine bounds a request (a pod's environment can be large) so that a broken client cannot fill the shim's memory.
const maxLine = 4 << 20

// Send writes v as a line, with files beside it. The files stay the caller's.
func (c *Conn) Send(v any, files ...*os.File) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = syscall.UnixRights(fds...)
	}
	n, _, err := c.WriteMsgUnix(line, rights, nil)
	if err == nil && n < len(line) {
		_, err = c.Write(line[n:])
	}
	return err
}

// Receive reads a line into v, and returns the files that came beside it; they are the caller's to close.
func (c *Conn) Receive(v any) ([]*os.File, error) {
	for {
		if i := bytes.IndexByte(c.rest, '\n'); i >= 0 {
			line, files := c.rest[:i], c.files
			c.rest, c.files = c.rest[i+1:], nil
			if err := json.Unmarshal(line, v); err != nil {
				closeAll(files)
				return nil, fmt.Errorf("not a message of the shim's protocol: %w", err)
			}
			return files, nil
		}
		if len(c.rest) > maxLine {
			return nil, fmt.Errorf("message longer than %d bytes", maxLine)
		}
		if err := c.readMore(); err != nil {
			closeAll(c.files)
			return nil, err
		}
	}
}

func (c *Conn) readMore() error {
	buf, oob := make([]byte, 4096), make([]byte, syscall.CmsgSpace(4*4))
	n, oobn, _, _, err := c.ReadMsgUnix(buf, oob)
	if err != nil {
		return err
	}
	c.rest = append(c.rest, buf[:n]...)
	messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return err
	}
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			return err
		}
		for _, fd := range fds {
			c.files = append(c.files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
