//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"

	"kubelab/kube/access"
	"kubelab/kube/images"
	"kubelab/kube/mounts"
	"kubelab/kube/removal"
)

// ourFiles are all that a cluster keeps in its data directory.
var ourFiles = []string{"pki", "etcd", "hosts", "log", "terminal", site, "admin.kubeconfig", machineKubeconfig, specFile}

// half says whether a file of ours was being written when its writer was killed: it has a name of its own until it is whole.
func half(entry fs.DirEntry) bool {
	return entry.Type().IsRegular() && slices.ContainsFunc([]string{"admin.kubeconfig", machineKubeconfig, specFile}, func(name string) bool {
		number, cut := strings.CutPrefix(entry.Name(), "."+name+".")
		return cut && number != "" && strings.Trim(number, "0123456789") == ""
	})
}

// claim makes sure that a directory is ours to use, and later to remove: a cluster's, or empty.
func claim(dataDir string) error {
	entries, err := os.ReadDir(dataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(dataDir, 0o755)
	}
	if err != nil {
		return err
	}
	isSpec := func(entry fs.DirEntry) bool { return entry.Name() == specFile }
	nothing := func(entry fs.DirEntry) bool { return half(entry) || entry.Name() == "lost+found" } // which a new disk has
	if !slices.ContainsFunc(entries, isSpec) && len(slices.DeleteFunc(entries, nothing)) > 0 {
		return fmt.Errorf("%s holds other files and no cluster: choose an empty or a new directory with --data-dir", dataDir)
	}
	return nil
}

// removeFiles removes what a cluster kept, and nothing else.
func removeFiles(dataDir string) error {
	mounts, err := mounts.Below(dataDir)
	if err != nil {
		return err
	}
	if mounts = slices.DeleteFunc(mounts, func(point string) bool { return point == dataDir }); len(mounts) > 0 { // a disk of its own is its place
		return fmt.Errorf("%v are still mounted: unmount them, then say kube down again", mounts)
	}
	entries, err := os.ReadDir(dataDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names := slices.Clone(ourFiles)
	for _, entry := range entries {
		if half(entry) {
			names = append([]string{entry.Name()}, names...) // what marks the directory as ours goes last
		}
	}
	for _, name := range names {
		if err := removal.All((&Spec{DataDir: dataDir}).path(name)); err != nil {
			return err
		}
	}
	_ = os.Remove(dataDir) // unless there is something of somebody else's in it
	return nil
}

// writeControlPlaneFiles makes the certificates of the control plane, and the admin's kubeconfig.
func writeControlPlaneFiles(spec Spec) (*access.PKI, error) {
	plane := access.ControlPlane{ServiceIP: spec.apiServiceIP(), Domain: clusterDomain}
	for _, host := range spec.With(ControlPlane) {
		plane.IPs = append(plane.IPs, host.Address)
	}
	pki, err := access.EnsurePKI(spec.path("pki"), plane)
	if err != nil {
		return nil, fmt.Errorf("make certificates: %w", err)
	}
	api := "https://" + spec.loopback()
	err = pki.EnsureKubeconfig(spec.path(machineKubeconfig), spec.Context(), api, access.ComponentOn("", hands))
	return pki, errors.Join(err, pki.EnsureKubeconfig(spec.Kubeconfig(), spec.Context(), api, access.Admin()))
}

// writeHostFiles makes what one host needs before it starts: the identities of its components.
func writeHostFiles(spec Spec, host Host, pki *access.PKI) error {
	if err := os.MkdirAll(spec.path("hosts"), 0o700); err != nil { // what containers write is root's alone to reach
		return err
	}
	if err := os.MkdirAll(spec.hostPath(host, "run"), 0o700); err != nil {
		return err
	}
	for _, c := range Declared {
		if c.Place != host.place() {
			continue
		}
		if c.Serves {
			if err := pki.EnsureCertificate(spec.hostPath(host, "pki/"+c.Name), access.NodeServer(host.Name, host.Address)); err != nil {
				return err
			}
		}
		if c.User == "" {
			continue
		}
		if err := pki.EnsureKubeconfig(spec.hostPath(host, c.Name+".kubeconfig"), spec.Context(), spec.server(), access.ComponentOn(host.Name, c, host.Address)); err != nil {
			return err
		}
	}
	return nil
}

// busyboxName is the image that every node has from the start.
const busyboxName = "busybox:latest"

// putBusybox gives a node an image of the machine's own busybox, so that a pod can run where there is no
// registry. Where there is no busybox, there is no such image.
func putBusybox(ctx context.Context, spec Spec, host Host) error {
	program, err := exec.LookPath("busybox")
	if err != nil {
		return nil
	}
	store, err := images.Open(spec.Images(host))
	if err != nil {
		return err
	}
	if _, err := store.Get(busyboxName); err == nil {
		return nil
	}
	image, err := images.Busybox(program)
	if err != nil {
		return err
	}
	_, err = store.Add(ctx, image, busyboxName)
	return err
}
