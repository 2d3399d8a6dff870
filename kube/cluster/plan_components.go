package cluster

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// Component is a program that runs on a host: a subcommand of kube with its arguments.
type Component struct {
	Name string
	Args []string
}

// Components says which processes run on a host, and how each is started.
func (s *Spec) Components(host Host) []Component {
	if host.Role == ControlPlane {
		return s.controlPlane(host)
	}
	return s.node(host)
}

func (s *Spec) controlPlane(host Host) []Component {
	return []Component{
		{"etcd", []string{
			"--name", host.Name, "--data-dir", s.path("etcd"), "--pki", s.path("pki"), "--address", host.Address.String()}},
		{"apiserver", []string{
			"--etcd", "https://127.0.0.1:2379", "--pki", s.path("pki"), "--host", host.Name,
			"--advertise-address", host.Address.String(), "--listen", host.Address.String() + ":6443", "--service-cidr", serviceRange}},
		{"scheduler", s.client(host, "scheduler", "--host")},
		{"controllers", append(s.client(host, "controllers", "--host"), "--cluster-cidr", podNetwork)},
	}
}

func (s *Spec) node(host Host) []Component {
	socket := s.Runtime(host)
	kubelet := append(s.client(host, "kubelet", "--node-name"),
		"--node-ip", host.Address.String(), "--runtime", socket, "--root", s.hostPath(host, "kubelet"),
		"--cgroup-root", s.cgroup(host),
		"--cluster-dns", dnsServiceIP, "--cluster-domain", clusterDomain,
		"--tls-cert", s.hostPath(host, "pki/kubelet.crt"), "--tls-key", s.hostPath(host, "pki/kubelet.key"), "--client-ca", s.path("pki/ca.crt"))
	if host.CPU > 0 {
		kubelet = append(kubelet, "--cpu", strconv.Itoa(host.CPU))
	}
	if host.Memory > 0 {
		kubelet = append(kubelet, "--memory", strconv.FormatInt(host.Memory, 10))
	}
	dns := append(s.client(host, "dns", "--node-name"), "--listen", dnsServiceIP+":53", "--domain", clusterDomain)
	if len(s.Upstream) > 0 {
		dns = append(dns, "--upstream", strings.Join(s.Upstream, ","))
	}
	return []Component{
		{"runtime", []string{"--root", s.hostPath(host, "runtime"), "--listen", socket, "--shim", path.Join(s.Bin, "kube-shim")}},
		{"kubelet", kubelet},
		{"proxy", s.client(host, "proxy", "--node-name")},
		{"dns", dns},
	}
}

// client are the arguments that every client of the API server has.
func (s *Spec) client(host Host, component, hostFlag string) []string {
	return []string{
		"--kubeconfig", s.hostPath(host, component+".kubeconfig"), hostFlag, host.Name,
		"--journal", s.hostPath(host, component+".journal")}
}

// server is the URL at which a host finds the API server.
func (s *Spec) server() string {
	return fmt.Sprintf("https://%s:6443", s.With(ControlPlane)[0].Address)
}

// The files of a cluster.
func (s *Spec) path(name string) string { return path.Join(s.DataDir, name) }
func (s *Spec) hostPath(host Host, name string) string {
	return path.Join(s.DataDir, "hosts", host.Name, name)
}
func (s *Spec) cgroup(host Host) string { return path.Join(s.CgroupRoot, host.Name) }

// Kubeconfig is the file with which the admin reaches the cluster.
func (s *Spec) Kubeconfig() string { return s.path("admin.kubeconfig") }

// Images is the directory of a node's images.
func (s *Spec) Images(host Host) string { return s.hostPath(host, "runtime/images") }

// Runtime is the CRI socket of a node.
func (s *Spec) Runtime(host Host) string { return "unix://" + s.hostPath(host, "run/cri.sock") }
