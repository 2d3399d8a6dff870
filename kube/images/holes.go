//go:build linux

package images

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// blockSize is the least that a hole in a file saves: a page.
const blockSize = 4096

var zeros [blockSize]byte

// writeWithHoles copies content to an empty file, in which a block of zeros becomes a hole: it reads as zeros and takes up no disk. It counts what is
// written. The buffer is the caller's, some blocks long.
func writeWithHoles(f *os.File, content io.Reader, buffer []byte, wrote func(n int64) error) error {
	var size int64
	for {
		n, err := io.ReadFull(content, buffer)
		for from := 0; from < n; {
			to := from
			for to < n && !isHole(buffer[to:min(to+blockSize, n)]) {
				to = min(to+blockSize, n)
			}
			if to > from {
				if err := wrote(int64(to - from)); err != nil {
					return err
				}
				if _, err := f.WriteAt(buffer[from:to], size+int64(from)); err != nil {
					return err
				}
			}
			from = min(to+blockSize, n) // what follows is a hole, or the end
		}
		size += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return f.Truncate(size)
		} else if err != nil {
			return err
		}
	}
}

func isHole(block []byte) bool { return bytes.Equal(block, zeros[:len(block)]) }
