//go:build linux

package kubelet

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"kubelab/kube/pods/cri"
)

// Version is the kubelet's version: the release of Kubernetes whose API it speaks.
const Version = "v1.37.2-kubelab"

// lookAround finds out what the machine says of itself. root is where pods' files go.
func lookAround(root string) (info corev1.NodeSystemInfo, storage resource.Quantity, err error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return info, storage, fmt.Errorf("ask the kernel for its version: %w", err)
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(root, &disk); err != nil {
		return info, storage, fmt.Errorf("measure the disk of %s: %w", root, err)
	}
	info = corev1.NodeSystemInfo{
		MachineID: firstLine("/etc/machine-id"), SystemUUID: firstLine("/sys/class/dmi/id/product_uuid"),
		BootID: firstLine("/proc/sys/kernel/random/boot_id"), KernelVersion: unix.ByteSliceToString(name.Release[:]),
		OSImage: osImage("/etc/os-release"), KubeletVersion: Version,
		OperatingSystem: runtime.GOOS, Architecture: runtime.GOARCH,
	}
	return info, *resource.NewQuantity(int64(disk.Blocks)*disk.Bsize, resource.BinarySI), nil
}

// firstLine is that of a file, or empty where there is none: these files are for information only.
func firstLine(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(content), "\n")
	return strings.TrimSpace(line)
}

// osImage is what the system calls itself (os-release(5)).
func osImage(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "Linux"
	}
	for line := range strings.Lines(string(content)) {
		if name, found := strings.CutPrefix(line, "PRETTY_NAME="); found {
			return strings.Trim(strings.TrimSpace(name), `"`)
		}
	}
	return "Linux"
}

// resolver reads resolv.conf(5): how the node looks up names, and pods that do not want the cluster's DNS.
func resolver(path string) cri.Resolver {
	var r cri.Resolver
	content, err := os.ReadFile(path)
	if err != nil {
		return r
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			r.Servers = append(r.Servers, fields[1])
		case "search", "domain":
			r.Searches = fields[1:]
		case "options":
			r.Options = append(r.Options, fields[1:]...)
		}
	}
	return r
}
