//go:build linux

package runtime

import (
	"errors"
	"os"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/runtime/spec"
)

func (r *Runtime) podMounts(id string) spec.PodMounts {
	return spec.PodMounts{
		ResolvConf: r.sandboxFile(id, "resolv.conf"), Hostname: r.sandboxFile(id, "hostname"), Hosts: r.sandboxFile(id, "hosts"),
	}
}

// writePodFiles writes what a pod's containers see as /etc/resolv.conf, /etc/hostname and /etc/hosts.
func (r *Runtime) writePodFiles(record sandboxRecord) error {
	hostname, hosts := record.Config.GetHostname(), spec.Hosts(record.IP, record.Config.GetHostname())
	if spec.Namespaces(record.Config).GetNetwork() == cri.NamespaceMode_NODE {
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
		os.WriteFile(files.ResolvConf, []byte(spec.ResolvConf(record.Config.GetDnsConfig(), string(resolv))), 0o644),
		os.WriteFile(files.Hostname, []byte(hostname+"\n"), 0o644),
		os.WriteFile(files.Hosts, []byte(hosts), 0o644),
	)
}
