//go:build linux

package runtime

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func (r *Runtime) podMounts(id string) PodMounts {
	return PodMounts{
		ResolvConf: r.sandboxFile(id, "resolv.conf"), Hostname: r.sandboxFile(id, "hostname"), Hosts: r.sandboxFile(id, "hosts"),
	}
}

// writePodFiles writes what a pod's containers see as /etc/resolv.conf, /etc/hostname and /etc/hosts.
func (r *Runtime) writePodFiles(record sandboxRecord) error {
	hostname, hosts := record.Config.GetHostname(), Hosts(record.IP, record.Config.GetHostname())
	if namespaces(record.Config).GetNetwork() == cri.NamespaceMode_NODE {
		var err error
		if hostname, err = os.Hostname(); err != nil {
			return err
		}
		node, err := os.ReadFile("/etc/hosts")
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		hosts = string(node)
	}
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	files := r.podMounts(record.ID)
	return errors.Join(
		os.WriteFile(files.ResolvConf, []byte(ResolvConf(record.Config.GetDnsConfig(), string(resolv))), 0o644),
		os.WriteFile(files.Hostname, []byte(hostname+"\n"), 0o644),
		os.WriteFile(files.Hosts, []byte(hosts), 0o644),
	)
}

// unmountBelow removes the mounts below a directory: those that a shim that was killed had no time for.
func unmountBelow(dir string) error {
	table, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer table.Close()
	var below []string
	for lines := bufio.NewScanner(table); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 4 && strings.HasPrefix(unescape.Replace(fields[4]), dir+"/") {
			below = append(below, unescape.Replace(fields[4]))
		}
	}
	for _, point := range slices.Backward(below) { // what was mounted last goes first
		if err := syscall.Unmount(point, syscall.MNT_DETACH); err != nil && err != syscall.EINVAL {
			return fmt.Errorf("unmount %s: %w", point, err)
		}
	}
	return nil
}

// unescape reads paths as /proc has them (proc_pid_mountinfo(5)).
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
