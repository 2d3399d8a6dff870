//go:build linux

package shim

import (
	"fmt"
	"os"
	"sync"
)

// logFile is where a container's output goes. Each write is of whole entries, so that stdout, stderr and a reopening
// never cut each other's lines. When it cannot be written (the disk is full) the entries are lost and the container
// goes on, as it would otherwise stand still with its pipe full.
type logFile struct {
	path string // empty: no log is kept
	mu   sync.Mutex
	file *os.File
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.reopen()
}

// reopen makes the file anew if somebody has moved it.
func (l *logFile) reopen() error {
	if l.path == "" {
		return nil
	}
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("open the container's log: %w", err)
	}
	l.mu.Lock()
	old := l.file
	l.file = file
	l.mu.Unlock()
	if old != nil {
		old.Close()
	}
	return nil
}

func (l *logFile) write(entries []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil && len(entries) > 0 {
		l.file.Write(entries)
	}
}

func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}
