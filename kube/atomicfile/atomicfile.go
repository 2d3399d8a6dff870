// Package atomicfile replaces a file whole: whoever reads it, at any instant, has the old content or the new one, and never a part.
//
// A process may be killed in the middle of a write, and a machine may lose its power. The kernel promises one thing for
// that: a rename happens or does not. So the new content is written to a file beside the old one, forced to the disk (or else the name
// could be there before the content), and then renamed over it. That the rename itself lasts needs one more flush, of the directory.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write replaces the content of the file at path, or makes it, with a mode that no umask changes. When it returns, no loss of power undoes it.
// After an error the old content is there still, but for one: when the directory cannot be flushed, the new content is there
// and may not last. Several may write the same file at the same time; one of them is the last.
func Write(path string, content []byte, mode fs.FileMode) error {
	if err := replace(path, content, mode, (*os.File).Sync); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := flushDirectory(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: flush its directory: %w", path, err)
	}
	return nil
}

// Replace is Write without waiting for the disk, which takes milliseconds: for what a loss of power makes worthless anyway.
func Replace(path string, content []byte, mode fs.FileMode) error {
	if err := replace(path, content, mode, func(*os.File) error { return nil }); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func replace(path string, content []byte, mode fs.FileMode, flush func(*os.File) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = errors.Join(file.Chmod(mode), flush(file))
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// flushDirectory forces the names in a directory to the disk. Where a system cannot do that, a rename lasts as soon as it makes it.
func flushDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}
