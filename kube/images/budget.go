//go:build linux

package images

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// A few hundred bytes can unpack to gigabytes. So what an archive may become is bounded: by what images are made of, by its own size, and by the
// disk, of which a part stays free for all else on the node.

var (
	errTooLarge = errors.New("too large")
	// ErrNoRoom says that an image would fill the disk.
	ErrNoRoom = errors.New("no room for the image")
)

// limits bound what an archive may unpack to.
type limits struct {
	bytes   int64 // of all files, with their holes
	entries int64
	written int64 // of those bytes, what is on disk: holes are not
}

const (
	// perPacked is how many bytes a packed one may become, on top of somePacked. Text packs to a tenth, hardly anything to a hundredth.
	perPacked  = 200
	somePacked = 64 << 20
	// lookEvery is how much is written, in bytes, before the disk is looked at again.
	lookEvery = 8 << 20
	// entryCosts is what an entry counts for, in bytes, before the disk is looked at again.
	entryCosts = 4096
)

// Far above what images are made of.
var (
	layerLimits = limits{bytes: 32 << 30, entries: 2_000_000}
	imageLimits = limits{bytes: 64 << 30, entries: 4_000_000}
	plainLimits = limits{bytes: 64 << 30, entries: 100_000, written: 64 << 30} // of an archive of images that are packed
)

// budget is what is left of limits. Several archives may share what is above them.
type budget struct {
	above *budget
	room  func() error // says whether the disk has room for more

	mu     sync.Mutex
	max    limits
	used   limits
	packed int64
	unseen int64 // since room was asked
}

func newBudget(max limits, above *budget, room func() error) *budget {
	max.written += somePacked
	return &budget{max: max, above: above, room: room}
}

// grow allows for more to be written, as so many packed bytes have come.
func (b *budget) grow(packed int64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.packed += packed
	b.max.written += perPacked * packed
	b.mu.Unlock()
	b.above.grow(packed)
}

// take counts what is about to be made, and says if that is too much.
func (b *budget) take(more limits) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used.bytes += more.bytes
	b.used.entries += more.entries
	b.used.written += more.written
	switch {
	case more.bytes < 0 || b.used.bytes > b.max.bytes || b.used.entries > b.max.entries:
		return fmt.Errorf("%w: more than %d bytes or %d files: make it of several images, or mount what is large", errTooLarge, b.max.bytes, b.max.entries)
	case b.used.written > b.max.written:
		return fmt.Errorf("%w: more than %d bytes come out of %d, as of an archive that is made to fill disks: build the image without such a file",
			errTooLarge, b.max.written, b.packed)
	}
	if b.unseen += more.written + more.entries*entryCosts; b.room != nil && b.unseen >= lookEvery {
		b.unseen = 0
		if err := b.room(); err != nil {
			return err
		}
	}
	return b.above.take(more)
}

// roomIn says whether the filesystem of dir has more left than is kept free: a twentieth, but no more than 1 GiB, and a twentieth of its inodes.
func roomIn(dir string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("look for room in %s: %w", dir, err)
	}
	free, reserve := fs.Bavail*uint64(fs.Bsize), min(fs.Blocks*uint64(fs.Bsize)/20, 1<<30)
	if free < reserve || fs.Ffree < fs.Files/20 {
		return fmt.Errorf("%w: the disk of %s has %d MiB and %d inodes left, of which %d MiB and %d inodes are kept free: remove images (kube image rm) or files",
			ErrNoRoom, dir, free>>20, fs.Ffree, reserve>>20, fs.Files/20)
	}
	return nil
}

// roomy is a reader of what is then written to disk.
type roomy struct {
	io.Reader
	room   func() error
	unseen int
}

func (r *roomy) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if r.unseen += n; r.unseen >= lookEvery {
		r.unseen = 0
		if full := r.room(); full != nil {
			return 0, full
		}
	}
	return n, err
}
