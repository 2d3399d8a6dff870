package images

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// EntryKind says what the unpacker does with one entry of a layer.
type EntryKind string

// The kinds of entries.
const (
	Directory EntryKind = "directory"
	File      EntryKind = "file"
	Symlink   EntryKind = "symlink"
	HardLink  EntryKind = "hard link"
	Fifo      EntryKind = "fifo"
	Whiteout  EntryKind = "whiteout" // Path, which a lower layer has, is gone
	Opaque    EntryKind = "opaque"   // of the directory Path, nothing of the lower layers is left
	Skipped   EntryKind = "skipped"  // left out: a device node, or another runtime's bookkeeping
)

// Entry is one entry of a layer, understood.
type Entry struct {
	Kind   EntryKind
	Path   string            // within the layer, clean, without a leading slash; "." is the layer's root
	Target string            // Symlink: the text of the link. HardLink: the path, within the layer, of the file
	Mode   fs.FileMode       // permissions, setuid, setgid and sticky bits
	Xattrs map[string][]byte // extended attributes that a layer may set
}

// Whiteouts as the OCI image specification (layer.md) has them from AUFS.
const (
	whiteoutPrefix = ".wh."
	opaqueName     = ".wh..wh..opq"
	aufsPrefix     = ".wh..wh."
)

// PlanEntry decides what an entry of a layer means. Every path is taken as relative to the layer's root, beyond which ".." does not lead. What
// remains possible, links that point out of the layer, is up to the one who carries it out.
func PlanEntry(h *tar.Header) (Entry, error) {
	e := Entry{Path: inside(h.Name), Mode: h.FileInfo().Mode() &^ fs.ModeType}
	dir, base := path.Split(e.Path)
	switch {
	case base == opaqueName:
		return Entry{Kind: Opaque, Path: path.Clean(dir)}, nil
	case strings.HasPrefix(base, aufsPrefix):
		return Entry{Kind: Skipped, Path: e.Path}, nil
	case strings.HasPrefix(base, whiteoutPrefix):
		hidden := strings.TrimPrefix(base, whiteoutPrefix)
		if hidden == "" || hidden == "." || hidden == ".." {
			return Entry{}, fmt.Errorf("whiteout %q names no file", h.Name)
		}
		return Entry{Kind: Whiteout, Path: path.Join(dir, hidden)}, nil
	}

	switch h.Typeflag {
	case tar.TypeDir:
		e.Kind = Directory
	case tar.TypeReg, tar.TypeGNUSparse:
		e.Kind = File
	case tar.TypeSymlink:
		e.Kind, e.Target = Symlink, h.Linkname
	case tar.TypeLink:
		e.Kind, e.Target = HardLink, inside(h.Linkname)
	case tar.TypeFifo:
		e.Kind = Fifo
	default: // devices: the runtime makes those that a container may have
		return Entry{Kind: Skipped, Path: e.Path}, nil
	}
	if e.Path == "." && e.Kind != Directory {
		return Entry{}, fmt.Errorf("the root of the layer is a %s", e.Kind)
	}
	e.Xattrs = allowedXattrs(h.PAXRecords)
	return e, nil
}

// inside makes name a path below the root of a layer.
func inside(name string) string {
	clean := path.Clean("/" + name)
	if clean == "/" {
		return "."
	}
	return clean[1:]
}

// allowedXattrs picks the attributes that belong to a file's content. Others would give orders to the kernel of
// the node: trusted.overlay.redirect could show the files of another directory, for instance.
func allowedXattrs(records map[string]string) map[string][]byte {
	var found map[string][]byte
	for key, value := range records {
		attr, ok := strings.CutPrefix(key, "SCHILY.xattr.")
		if ok && (attr == "security.capability" || strings.HasPrefix(attr, "user.")) {
			if found == nil {
				found = map[string][]byte{}
			}
			found[attr] = []byte(value)
		}
	}
	return found
}

// stack lists the layers that overlay needs, lowest first. A layer that occurs twice stays where it is highest: overlay refuses the
// same directory twice, and the lower one has nothing to add.
func stack(diffIDs []string) []string {
	var layers []string
	for i, id := range diffIDs {
		if !slices.Contains(diffIDs[i+1:], id) {
			layers = append(layers, id)
		}
	}
	return layers
}

// Content is what a set of images needs, or what a store has: blobs and layers by their digests.
type Content struct {
	Blobs  map[string]bool
	Layers map[string]bool
}

// PlanSweep returns the blobs and layers that no image needs, each sorted.
func PlanSweep(needed, has Content) (blobs, layers []string) {
	return missing(has.Blobs, needed.Blobs), missing(has.Layers, needed.Layers)
}

// missing lists the keys of a that are not in b.
func missing(a, b map[string]bool) []string {
	var keys []string
	for key := range a {
		if !b[key] {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
