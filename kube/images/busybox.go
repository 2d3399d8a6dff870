//go:build linux

package images

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// busyboxFiles are the files of the image besides the program.
var busyboxFiles = map[string]string{
	"etc/passwd":        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
	"etc/group":         "root:x:0:\nnogroup:x:65534:\n",
	"etc/nsswitch.conf": "hosts: files dns\n",
}

// busyboxDirs are the directories of the image, each with its mode.
var busyboxDirs = map[string]int64{
	"bin/": 0o755, "etc/": 0o755, "home/": 0o755, "root/": 0o700, "tmp/": 0o1777, "usr/": 0o755, "usr/bin/": 0o755, "var/": 0o755,
}

// Busybox builds the image "busybox" from the statically linked program at path (Debian's package busybox-static installs one as /bin/busybox): a
// shell and some 250 small tools in one file. So every node has an image with which to start, and no network is needed. The same program
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

// busyboxLayer is the tar archive of the image's only layer.
func busyboxLayer(program []byte, applets []string) ([]byte, error) {
	var headers []tar.Header
	content := map[string][]byte{"bin/busybox": program}
	for dir, mode := range busyboxDirs {
		headers = append(headers, tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: mode})
	}
	headers = append(headers, tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(program))})
	for name, text := range busyboxFiles {
		content[name] = []byte(text)
		headers = append(headers, tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(text))})
	}
	for _, applet := range applets {
		if applet != "busybox" {
			headers = append(headers, tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox", Mode: 0o777})
		}
	}
	// Where scripts look for it: #!/usr/bin/env
	headers = append(headers, tar.Header{Typeflag: tar.TypeSymlink, Name: "usr/bin/env", Linkname: "/bin/busybox", Mode: 0o777})
	slices.SortFunc(headers, func(a, b tar.Header) int { return strings.Compare(a.Name, b.Name) })

	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, h := range headers {
		h.Format = tar.FormatUSTAR
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
		if _, err := w.Write(content[h.Name]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return layer.Bytes(), nil
}
