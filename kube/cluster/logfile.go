//go:build linux

package cluster

import (
	"bufio"
	"io"
	"log/slog"
	"os"
	"path/filepath"
)

// maxLog is the size in bytes at which a log file is put aside. The one that was put aside before goes.
const maxLog = 10 << 20

// keepLog copies lines from a component into its log file until there are no more.
func keepLog(from io.ReadCloser, path string) {
	defer from.Close()
	log := &logFile{path: path}
	defer log.close()
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadSlice('\n') // half a line, where it is longer than the buffer: copied all the same
		if _, err := log.Write(line); err != nil {
			slog.Warn("lost a line of a log", "path", path, "error", err)
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

// logFile is a file that begins anew when it is full.
type logFile struct {
	path string
	file *os.File
	size int64
}

func (l *logFile) Write(line []byte) (int, error) {
	if l.file != nil && l.size+int64(len(line)) > maxLog {
		l.close()
		if err := os.Rename(l.path, l.path+".1"); err != nil {
			return 0, err
		}
	}
	if l.file == nil {
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(line)
	l.size += int64(n)
	return n, err
}

func (l *logFile) open() error {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return err
	}
	l.file, l.size = file, info.Size()
	return nil
}

func (l *logFile) close() {
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}
