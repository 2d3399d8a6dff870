package access

import (
	"net/netip"

	"kubelab/kube/access/rbac"
	"kubelab/kube/component"
)

// Certificate says what a certificate is to say: whose key it is, and for what the key may be used.
type Certificate struct {
	User   string       // the common name; for a server only a label
	Groups []string     // the organizations
	DNS    []string     // the names that a server answers to
	IPs    []netip.Addr // the addresses that a server answers at
	Server bool
	Client bool
}

// The users and groups that the cluster itself knows.
const (
	AdminUser     = "kubelab-admin"
	APIServerUser = "kube-apiserver"
	AnonymousUser = "system:anonymous"
	NodePrefix    = "system:node:" // before the name of the node whose kubelet it is

	MastersGroup         = rbac.Masters // may do everything
	NodesGroup           = "system:nodes"
	AuthenticatedGroup   = rbac.Authenticated
	UnauthenticatedGroup = rbac.Unauthenticated
)

// Client is what an identity's certificate says.
func Client(user string, groups ...string) Certificate {
	return Certificate{User: user, Groups: groups, Client: true}
}

// ComponentOn is what the certificate of a component says that runs on one host ("": on none). Where that is stands in it as a DNS name,
// and the host's addresses.
func ComponentOn(host string, c component.Component, ips ...netip.Addr) Certificate {
	is := Certificate{User: c.UserOn(host), Groups: c.Groups, IPs: ips, Client: true}
	if host != "" {
		is.DNS = []string{host}
	}
	return is
}

// Admin is the identity of the person who started the cluster.
func Admin() Certificate { return Client(AdminUser, MastersGroup) }

// NodeClient is the identity of a node's kubelet. It names the addresses that the node may say are its own.
func NodeClient(node string, ips ...netip.Addr) Certificate {
	return Certificate{User: NodePrefix + node, Groups: []string{NodesGroup}, IPs: ips, Client: true}
}

// NodeServer is what a kubelet shows to the API server that asks for logs or an exec.
func NodeServer(node string, ip netip.Addr) Certificate {
	return Certificate{User: NodePrefix + node, Groups: []string{NodesGroup}, DNS: []string{node}, IPs: []netip.Addr{ip}, Server: true}
}

// ControlPlane is where the parts of the control plane are found.
type ControlPlane struct {
	IPs       []netip.Addr // of its hosts
	ServiceIP netip.Addr   // of the service "kubernetes"
	Domain    string       // of the cluster: "cluster.local"
}

// certificates are those of the control plane, by file and by the authority that signs them.
func (c ControlPlane) certificates() map[string]map[string]Certificate {
	loopback := netip.MustParseAddr("127.0.0.1")
	api := Certificate{
		User: "kube-apiserver", Server: true,
		DNS: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + c.Domain},
		IPs: append([]netip.Addr{loopback, c.ServiceIP}, c.IPs...),
	}
	etcd := Certificate{User: "etcd", DNS: []string{"localhost"}, IPs: append([]netip.Addr{loopback}, c.IPs...), Server: true, Client: true}
	return map[string]map[string]Certificate{
		authorityFile: {
			"apiserver":                api,
			"apiserver-kubelet-client": Client(APIServerUser, MastersGroup),
		},
		etcdAuthorityFile: {
			"etcd/server":           etcd,
			"etcd/peer":             etcd,
			"apiserver-etcd-client": Client("kube-apiserver-etcd-client"),
		},
	}
}

// The files of the authorities, without .crt and .key, as kubeadm names them.
const (
	authorityFile     = "ca"
	etcdAuthorityFile = "etcd/ca"
)
