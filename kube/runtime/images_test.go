//go:build linux

package runtime

import (
	"path/filepath"
	"testing"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers/containerstest"
	"kubelab/kube/images"
)

func TestAnImageHasAllItsNamesIsFoundByEachAndGoesByAny(t *testing.T) {
	n := newNode(t)
	client := cri.NewImageServiceClient(n.conn)
	image, err := images.Busybox(containerstest.Busybox)
	if err == nil {
		_, err = n.images.Add(t.Context(), image, "localhost:5000/tools:2")
	}
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.ListImages(t.Context(), &cri.ListImagesRequest{})
	if err != nil || len(list.Images) != 1 || len(list.Images[0].RepoTags) != 2 {
		t.Fatalf("images: %v, %v: want one with two names", list, err)
	}
	id := list.Images[0].Id
	for _, name := range []string{"busybox", "library/busybox", "docker.io/library/busybox:latest", "localhost:5000/tools:2", id, id[:18]} {
		found, err := client.ImageStatus(t.Context(), &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}})
		if err != nil || found.GetImage().GetId() != id {
			t.Errorf("status of %s: %v, %v", name, found, err)
		}
	}
	usage, err := client.ImageFsInfo(t.Context(), &cri.ImageFsInfoRequest{})
	if err != nil || len(usage.ImageFilesystems) != 1 || len(usage.ContainerFilesystems) != 1 {
		t.Fatalf("filesystems: %v, %v", usage, err)
	}
	if fs := usage.ImageFilesystems[0]; fs.FsId.Mountpoint != filepath.Join(n.config.Root, "images") ||
		fs.UsedBytes.GetValue() < list.Images[0].Size || fs.InodesUsed.GetValue() == 0 || fs.Timestamp == 0 {
		t.Errorf("usage: %v, want at least the image's %d bytes", fs, list.Images[0].Size)
	}
	for range 2 { // again is no error
		if _, err := client.RemoveImage(t.Context(), &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: "localhost:5000/tools:2"}}); err != nil {
			t.Error(err)
		}
	}
	if list, err := client.ListImages(t.Context(), &cri.ListImagesRequest{}); err != nil || len(list.Images) != 0 {
		t.Errorf("removed by one of its names: %v, %v: want it gone", list, err)
	}
}

func TestASandboxWithoutAHostnameGoesByThePodsName(t *testing.T) {
	n := newNode(t)
	p := n.runPod("web", func(config *cri.PodSandboxConfig) { config.Hostname = "" })
	if got := p.exec(p.run("main", "sleep 1000"), "hostname; cat /etc/hostname; echo $HOSTNAME"); got != "web\nweb\nweb" {
		t.Errorf("its names are %q", got)
	}
}
