package cluster

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"

	"kubelab/kube/services"
)

// Role says what a host is for.
type Role string

// The roles.
const (
	ControlPlane Role = "control-plane"
	Node         Role = "node"
)

// Host is a machine of the cluster: a set of namespaces with a name and an address.
type Host struct {
	Name    string
	Role    Role
	Address netip.Addr
	CPU     int   // cores, as a limit; 0: no limit
	Memory  int64 // bytes, as a limit; 0: no limit
}

// Spec is all that is decided about a cluster. It is kept in the data directory.
type Spec struct {
	Name        string
	DataDir     string
	Bin         string       // the directory of our programs
	Network     netip.Prefix // of the hosts
	Pods        netip.Prefix // of all nodes' pods
	Services    netip.Prefix
	Port        int      // on the machine's loopback, where the API is reached
	Isolated    bool     // no way out of the network
	Upstream    []string // name servers that hosts can reach, as ADDRESS:PORT
	Relayed     []string // name servers that only the machine can reach; it relays to them, and is Upstream itself
	CgroupRoot  string   // the cgroup that holds the hosts' cgroups
	Boot        string   // the life of the machine in which it was started last; empty: it was taken down
	Kubeconfigs []string // the persons' files that our context was put into
	Site        Site
	Hosts       []Host
}

// Site says where a browser finds the lab site, and who may use it. The zero value: there is none.
type Site struct {
	Listen       string   // ADDRESS:PORT on the machine
	AllowHosts   []string // names that a browser may call it by, beside those of the loopback
	PasswordFile string
	Cert, Key    string // files of its TLS certificate
}

// Options are what a person can choose. Zero means: as it is, or as is usual.
type Options struct {
	Asked    map[string]bool // the flags that they gave, by name
	Name     string
	DataDir  string
	Bin      string
	Nodes    int // -1: as many as there are, or three
	Isolated bool
	Port     int
	Pods     netip.Prefix
	Services netip.Prefix
	CPU      int   // of each new node, cores
	Memory   int64 // of each new node, bytes
	Site     Site
	NoSite   bool
}

// What is the same in every cluster. The pods' and services' networks are seen inside the hosts only, so
// that clusters do not get into each other's way.
const (
	DefaultName   = "kubelab"
	NameVariable  = "KUBELAB_CLUSTER" // of the environment: the cluster that kube is about where no --name says otherwise
	DefaultNodes  = 3
	DefaultPort   = 6443
	sitePort      = 8080
	clusterDomain = "cluster.local"

	firstControlPlane = 10 // the last byte of a host's address
	firstNode         = 11
	maxNodes          = 200
	minPodBits        = 20 // 16 nodes
	maxPath           = 60 // bytes of DataDir: a unix socket's path has only 107
)

// DefaultPods is where pods have their addresses, unless a person chooses another range.
var DefaultPods = netip.MustParsePrefix("10.244.0.0/16")

var validName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,18}[a-z0-9])?$`)

func checkName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("--name %q: a name has up to 20 of a-z, 0-9 and -, and begins with a letter", name)
	}
	return nil
}

// Check says what is wrong with the options, if anything is.
func (o Options) Check() error {
	switch {
	case checkName(o.Name) != nil:
		return checkName(o.Name)
	case o.Nodes > maxNodes:
		return fmt.Errorf("--nodes %d: there is room for %d in the network", o.Nodes, maxNodes)
	case len(o.DataDir) > maxPath:
		return fmt.Errorf("--data-dir %s: the sockets below it would have names that are too long: choose one of at most %d bytes", o.DataDir, maxPath)
	case o.Port < 0 || o.Port > 65535:
		return fmt.Errorf("--port %d is no port: choose one from 1 to 65535", o.Port)
	case !o.pods().Addr().Is4() || o.pods() != o.pods().Masked() || o.pods().Bits() > minPodBits:
		return fmt.Errorf("--pod-cidr %s: want an IPv4 range of at least a /%d that begins where its network does, such as %s", o.Pods, minPodBits, DefaultPods)
	case o.pods().Overlaps(o.services()):
		return fmt.Errorf("--service-cidr %s overlaps with the range of pods, %s: choose another", o.services(), o.pods())
	}
	if err := services.CheckRange(o.services()); err != nil {
		return fmt.Errorf("--service-cidr %w", err)
	}
	return nil
}

func (o Options) pods() netip.Prefix     { return cmp.Or(o.Pods, DefaultPods) }
func (o Options) services() netip.Prefix { return cmp.Or(o.Services, services.DefaultRange) }

// NewSpec lays out a new cluster in network.
func NewSpec(o Options, network netip.Prefix) Spec {
	spec := Spec{
		Name: o.Name, DataDir: o.DataDir, Network: network, Pods: o.pods(), Services: o.services(), Isolated: o.Isolated,
		Hosts: []Host{{Name: string(ControlPlane), Role: ControlPlane, Address: address(network, firstControlPlane)}},
	}
	nodes := o.Nodes
	if nodes < 0 {
		nodes = DefaultNodes
	}
	for range nodes {
		spec.AddNode(o.CPU, o.Memory)
	}
	return spec
}

// apiServiceIP is the virtual address of the API server, dnsServiceIP that of the name servers.
func (s *Spec) apiServiceIP() netip.Addr { return services.KubernetesIP(s.Services) }
func (s *Spec) dnsServiceIP() netip.Addr { return services.DNSIP(s.Services) }

// Host is the host of that name, or nil.
func (s *Spec) Host(name string) *Host {
	for i := range s.Hosts {
		if s.Hosts[i].Name == name {
			return &s.Hosts[i]
		}
	}
	return nil
}

// With returns the hosts of a role.
func (s *Spec) With(role Role) []Host {
	var hosts []Host
	for _, host := range s.Hosts {
		if host.Role == role {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// machine is the machine's own address in the cluster's network: the way out.
func (s *Spec) machine() netip.Addr { return address(s.Network, 1) }

// Context is the name of the cluster in a kubeconfig.
func (s *Spec) Context() string {
	if s.Name == DefaultName {
		return DefaultName
	}
	return DefaultName + "-" + s.Name
}

func address(network netip.Prefix, last int) netip.Addr {
	bytes := network.Addr().As4()
	bytes[3] = byte(last)
	return netip.AddrFrom4(bytes)
}
