package cluster

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"kubelab/kube/component"
)

// Component is a program that runs on a host: a subcommand of kube with its arguments.
type Component struct {
	Name string
	Args []string
}

const (
	site    = "site"    // the component that serves the lab site
	machine = "machine" // the place outside of all hosts
)

// Machine says which processes run on the machine itself and lead from there into the cluster.
func (s *Spec) Machine() []Component { return s.components(component.Machine, s.words()) }

// Components says which processes run on a host, and how each is started.
func (s *Spec) Components(host Host) []Component {
	return s.components(host.place(), s.hostWords(host))
}

// place is which components run on a host.
func (h Host) place() component.Place {
	if h.Role == ControlPlane {
		return component.ControlPlane
	}
	return component.Node
}

func (s *Spec) components(place component.Place, words map[string][]string) []Component {
	var all []Component
	for _, c := range Declared {
		if c.Place == place && (c.If == "" || len(words[c.If]) > 0) {
			all = append(all, Component{c.Name, arguments(clientFlags(c), words)})
		}
	}
	return all
}

// clientFlags are the flags of a component, after those that every client of the API server has.
func clientFlags(c component.Component) []string {
	if c.User == "" {
		return c.Flags
	}
	return append([]string{"--kubeconfig {host-files}/" + c.Name + ".kubeconfig", "--" + c.HostFlag() + " {host}", "--journal {host-files}/" + c.Name + ".journal"}, c.Flags...)
}

// arguments puts what words stand for into flags. It panics where a word stands for nothing at all, as a test of all
// declarations shows.
func arguments(flags []string, words map[string][]string) []string {
	var args []string
	for _, flag := range flags {
		name, value, _ := strings.Cut(flag, " ")
		for _, value := range fill(value, words) {
			args = append(args, name, value)
		}
	}
	return args
}

// fill puts what a word stands for in its place. Several values make several texts, and none makes none.
func fill(text string, words map[string][]string) []string {
	before, rest, open := strings.Cut(text, "{")
	word, after, closed := strings.Cut(rest, "}")
	if !open || !closed {
		return []string{text}
	}
	values, known := words[word]
	if !known {
		panic(fmt.Sprintf("flag value %q: a cluster has no {%s}", text, word))
	}
	var texts []string
	for _, value := range values {
		texts = append(texts, fill(before+value+after, words)...)
	}
	return texts
}

// words are what words in flags stand for. An empty value is none.
func (s *Spec) words() map[string][]string {
	words := map[string][]string{}
	for word, value := range map[string]string{
		"name": s.Name, "data": s.DataDir, "pki": s.path("pki"), "bin": s.Bin, "pods": s.Pods.String(), "services": s.Services.String(),
		"dns": s.dnsServiceIP().String(), "domain": clusterDomain, "upstream": strings.Join(s.Upstream, ","),
		"loopback": s.loopback(), "admin": s.Kubeconfig(), "site": s.Site.Listen, "site-url": s.SiteURLFile(),
		"site-password": s.Site.PasswordFile, "site-cert": s.Site.Cert, "site-key": s.Site.Key,
	} {
		words[word] = nonEmpty(value)
	}
	words["site-names"] = s.Site.AllowHosts
	return words
}

// hostWords are words, and what they stand for on a host only.
func (s *Spec) hostWords(host Host) map[string][]string {
	words := s.words()
	words["host"], words["address"], words["host-files"] = []string{host.Name}, []string{host.Address.String()}, []string{s.hostPath(host, "")}
	words["runtime"], words["cgroup"], words["cpu"], words["memory"] = []string{s.Runtime(host)}, []string{s.cgroup(host)}, nil, nil
	if host.CPU > 0 {
		words["cpu"] = []string{strconv.Itoa(host.CPU)}
	}
	if host.Memory > 0 {
		words["memory"] = []string{fmt.Sprintf("%dKi", host.Memory>>10)}
	}
	return words
}

func nonEmpty(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
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
func (s *Spec) Command(words string) string { return "kube " + s.named(words) }

func (s *Spec) named(words string) string {
	if s.Name == DefaultName {
		return words
	}
	return words + " --name " + s.Name
}

// Sudo is a command line for root as a person can type it anywhere: kube need not be in their PATH.
func (s *Spec) Sudo(words string) string {
	return "sudo " + Quoted(path.Join(s.Bin, "kube")) + " " + s.named(words)
}

// unusual are the signs of a path that a shell may read as something else.
var unusual = regexp.MustCompile(`[^-A-Za-z0-9_./:@%+,=]`)

// Quoted is a path as a person can give it to a shell.
func Quoted(path string) string {
	if !unusual.MatchString(path) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
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
