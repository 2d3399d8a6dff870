//go:build linux

package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// busyboxDirs are the directories of the image, each with its mode.
var busyboxDirs = []struct {
	name string
	mode int64
}{
	{"bin/", 0o755}, {"etc/", 0o755}, {"home/", 0o755}, {"root/", 0o700}, {"tmp/", 0o1777}, {"usr/", 0o755}, {"usr/bin/", 0o755}, {"var/", 0o755},
}

// busyboxFiles are the files of the image besides the program.
var busyboxFiles = []struct{ name, content string }{
	{"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"},
	{"etc/group", "root:x:0:\nnogroup:x:65534:\n"},
	{"etc/nsswitch.conf", "hosts: files dns\n"},
}

// Busybox builds the image "busybox" from the statically linked program at path (Debian's package busybox-static installs one as /bin/busybox): a
// shell and some 250 small tools in one file, which does what the name says by which it is called. The names are hard links, as in Docker's image of the
// same name: a directory entry each, where a symlink would need a file of its own. So every node has an image with which to start, and no network is needed. The same program
// always gives the same image.
func Busybox(path string) (v1.Image, error) {
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read busybox (install the package busybox-static): %w", err)
	}
	applets, err := exec.Command(path, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("ask busybox for its tools: %w", err)
	}
	layer, err := busyboxLayer(program, strings.Fields(string(applets)))
	if err != nil {
		return nil, fmt.Errorf("build the image busybox: %w", err)
	}
	config := &v1.ConfigFile{
		OS:           "linux",
		Architecture: runtime.GOARCH,
		Created:      v1.Time{Time: time.Unix(0, 0).UTC()},
		Config:       v1.Config{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, Cmd: []string{"sh"}},
	}
	img, err := mutate.ConfigFile(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), config)
	if err != nil {
		return nil, fmt.Errorf("build the image busybox: %w", err)
	}
	// Not compressed: that would take longer than all the rest.
	return mutate.AppendLayers(img, static.NewLayer(layer, types.OCIUncompressedLayer))
}

// busyboxLayer is the tar archive of the image's only layer. No entry says when it was made.
func busyboxLayer(program []byte, applets []string) ([]byte, error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	var failures []error
	add := func(h tar.Header, content []byte) {
		h.Format, h.Size = tar.FormatUSTAR, int64(len(content))
		err := w.WriteHeader(&h)
		if err == nil {
			_, err = w.Write(content)
		}
		failures = append(failures, err)
	}
	for _, dir := range busyboxDirs {
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir.name, Mode: dir.mode}, nil)
	}
	for _, file := range busyboxFiles {
		add(tar.Header{Typeflag: tar.TypeReg, Name: file.name, Mode: 0o644}, []byte(file.content))
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, program)
	for _, applet := range applets {
		if applet != "busybox" {
			add(tar.Header{Typeflag: tar.TypeLink, Name: "bin/" + applet, Linkname: "bin/busybox"}, nil)
		}
	}
	// Where scripts look for it: #!/usr/bin/env
	add(tar.Header{Typeflag: tar.TypeLink, Name: "usr/bin/env", Linkname: "bin/busybox"}, nil)
	err := errors.Join(append(failures, w.Close())...)
	return layer.Bytes(), err
}
