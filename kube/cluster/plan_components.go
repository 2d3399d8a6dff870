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

// site is the name of the component that serves the lab site.
const site = "site"

// Machine says which processes run on the machine itself and lead from there into the cluster.
func (s *Spec) Machine() []Component {
	all := []Component{{"forward", []string{"--name", s.Name, "--listen", s.loopback()}}}
	if s.Site.Listen == "" {
		return all
	}
	args := []string{"--name", s.Name, "--data-dir", s.DataDir, "--listen", s.Site.Listen, "--url-file", s.SiteURLFile(), "--kubeconfig", s.Kubeconfig()}
	for _, host := range s.Site.AllowHosts {
		args = append(args, "--allow-host", host)
	}
	for _, file := range [][2]string{{"--password-file", s.Site.PasswordFile}, {"--cert", s.Site.Cert}, {"--key", s.Site.Key}} {
		if file[1] != "" {
			args = append(args, file[0], file[1])
		}
	}
	return append(all, Component{site, args})
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
			"--advertise-address", host.Address.String(), "--listen", host.Address.String() + ":6443", "--service-cidr", s.Services.String()}},
		{"scheduler", s.client(host, "scheduler", "--host")},
		{"controllers", append(s.client(host, "controllers", "--host"), "--cluster-cidr", s.Pods.String())},
	}
}

func (s *Spec) node(host Host) []Component {
	socket := s.Runtime(host)
	kubelet := append(s.client(host, "kubelet", "--node-name"),
		"--node-ip", host.Address.String(), "--runtime", socket, "--root", s.hostPath(host, "kubelet"),
		"--cgroup-root", s.cgroup(host),
		"--cluster-dns", s.dnsServiceIP().String(), "--cluster-domain", clusterDomain,
		"--tls-cert", s.hostPath(host, "pki/kubelet.crt"), "--tls-key", s.hostPath(host, "pki/kubelet.key"), "--client-ca", s.path("pki/ca.crt"))
	if host.CPU > 0 {
		kubelet = append(kubelet, "--cpu", strconv.Itoa(host.CPU))
	}
	if host.Memory > 0 {
		kubelet = append(kubelet, "--memory", fmt.Sprintf("%dKi", host.Memory>>10))
	}
	dns := append(s.client(host, "dns", "--node-name"), "--listen", s.dnsServiceIP().String()+":53", "--domain", clusterDomain)
	if len(s.Upstream) > 0 {
		dns = append(dns, "--upstream", strings.Join(s.Upstream, ","))
	}
	return []Component{
		{"runtime", []string{"--root", s.hostPath(host, "runtime"), "--listen", socket, "--shim", path.Join(s.Bin, "kube-shim"), "--cluster-cidr", s.Pods.String()}},
		{"kubelet", kubelet},
		{"proxy", append(s.client(host, "proxy", "--node-name"), "--cluster-cidr", s.Pods.String(), "--service-cidr", s.Services.String())},
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

// loopback is where the machine reaches the API.
func (s *Spec) loopback() string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }

// The files of a cluster.
func (s *Spec) path(name string) string { return path.Join(s.DataDir, name) }
func (s *Spec) hostPath(host Host, name string) string {
	return path.Join(s.DataDir, "hosts", host.Name, name)
}
func (s *Spec) cgroup(host Host) string { return path.Join(s.CgroupRoot, host.Name) }

// runDir holds what is true of the running machine only; on most machines it is gone after a reboot.
const runDir = "/run/kubelab"

func clusterDir(name string) string { return path.Join(runDir, name) }

// Command is what a person types to do something with this cluster.
func (s *Spec) Command(words string) string {
	if s.Name == DefaultName {
		return "kube " + words
	}
	return "kube " + words + " --name " + s.Name
}

// Kubeconfig is the file with which the admin reaches the cluster.
func (s *Spec) Kubeconfig() string { return s.path("admin.kubeconfig") }

// SiteURLFile is the file that holds the lab site's address and the token that opens it.
func (s *Spec) SiteURLFile() string { return path.Join(clusterDir(s.Name), "site-url") }

// SiteSessionsFile is the file that keeps who is in, when the lab site starts anew.
func (s *Spec) SiteSessionsFile() string { return path.Join(s.path(site), "sessions") }

// machineKubeconfig is the file with which the machine says in the causal record what befell the hosts.
const machineKubeconfig = "machine.kubeconfig"

// Images is the directory of a node's images.
func (s *Spec) Images(host Host) string { return s.hostPath(host, "runtime/images") }

// Runtime is the CRI socket of a node.
func (s *Spec) Runtime(host Host) string { return "unix://" + s.hostPath(host, "run/cri.sock") }
