//go:build linux

package images

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

const busyboxPath = "/bin/busybox"

func TestBusyboxIsAnImageWithAShell(t *testing.T) {
	store := newStore(t)
	if !exists(busyboxPath) {
		t.Skip("needs " + busyboxPath)
	}
	img, err := Busybox(busyboxPath)
	if err != nil {
		t.Fatal(err)
	}
	added := add(t, store, img, "busybox")
	if added.Config.Cmd[0] != "sh" || added.RepoTags[0] != "docker.io/library/busybox:latest" {
		t.Errorf("added %+v", added)
	}

	shell := exec.Command("/bin/sh", "-c", "id -un; ls -ld /tmp | cut -c1-10; /usr/bin/env true && echo found")
	shell.SysProcAttr = &syscall.SysProcAttr{Chroot: store.Layers(added)[0]}
	shell.Dir, shell.Env = "/", added.Config.Env
	output, err := shell.CombinedOutput()
	if want := "root\ndrwxrwxrwt\nfound\n"; err != nil || string(output) != want {
		t.Errorf("in the image: %q, %v; want %q", output, err, want)
	}
}

func TestTheSameBusyboxIsAlwaysTheSameImage(t *testing.T) {
	if !exists(busyboxPath) {
		t.Skip("needs " + busyboxPath)
	}
	var digests []string
	for range 3 {
		img, err := Busybox(busyboxPath)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest.String())
	}
	if digests[0] != digests[1] || digests[1] != digests[2] {
		t.Errorf("digests differ: %s", strings.Join(digests, ", "))
	}
}

func BenchmarkBusyboxOnANewNode(b *testing.B) {
	for b.Loop() {
		store := newStore(b)
		img, err := Busybox(busyboxPath)
		if err != nil {
			b.Fatal(err)
		}
		add(b, store, img, "busybox")
	}
}
