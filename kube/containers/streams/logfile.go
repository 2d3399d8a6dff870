//go:build linux

package streams

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// LogFile is where a container's output goes. Each write is of whole entries, so that stdout, stderr and a reopening
// never cut each other's lines. It is put aside when it is full: whoever looks now and then would find that a fast writer
// has filled the disk. When it cannot be written (the disk is full) the entries are lost and the container goes on, as
// it would otherwise stand still with its pipe full.
type LogFile struct {
	path string // empty: no log is kept
	mu   sync.Mutex
	file *os.File
	size int64
}

// OpenLog opens the log at path for more, or makes it; an empty path is a log that is not kept. The caller closes it.
func OpenLog(path string) (*LogFile, error) {
	l := &LogFile{path: path}
	return l, l.Reopen()
}

// Reopen makes the file anew if somebody has moved it.
func (l *LogFile) Reopen() error {
	if l.path == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open()
}

func (l *LogFile) open() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("open the container's log: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Write adds whole entries.
func (l *LogFile) Write(entries []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil || len(entries) == 0 || !l.makeRoom(len(entries)) {
		return
	}
	n, _ := l.file.Write(entries)
	l.size += int64(n)
}

// makeRoom puts the file aside if it would become too large, in place of the one that was put aside before.
func (l *LogFile) makeRoom(entries int) bool {
	if l.size+int64(entries) <= MaxLog {
		return true
	}
	return os.Rename(l.path, RotatedLog(l.path)) == nil && l.open() == nil
}

// Close ends it. What is written later is lost.
func (l *LogFile) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}
