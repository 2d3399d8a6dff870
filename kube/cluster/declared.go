package cluster

import (
	"context"
	"net/netip"

	"kubelab/kube/access"
	"kubelab/kube/access/rbac"
	"kubelab/kube/api"
	"kubelab/kube/component"
	"kubelab/kube/deployments"
	"kubelab/kube/dns"
	"kubelab/kube/garbage"
	"kubelab/kube/kubelet"
	"kubelab/kube/nodes"
	"kubelab/kube/operator"
	"kubelab/kube/pods/podkind"
	"kubelab/kube/replicasets"
	"kubelab/kube/replicationcontrollers"
	"kubelab/kube/scheduler"
	"kubelab/kube/serviceaccounts"
	"kubelab/kube/services"
	"kubelab/kube/services/servicekind"
)

// Room is what a room of the house brings to a cluster: kinds of objects, loops of the controllers, or both.
type Room struct {
	Kinds []api.Kind
	Loops []component.Loop
	// New makes the loops, which the controllers run. None: the room has only kinds.
	New func(*operator.Client, Controlled) (Runner, error)
}

// Runner is anything that works until its context is done: a loop, or a few of them that belong together.
type Runner interface {
	Run(ctx context.Context) error
}

// Controlled is what controllers are told of their cluster.
type Controlled struct {
	Pods      netip.Prefix // of all nodes' pods
	Authority []byte       // the certificate, in PEM, that the API server's own is signed with
}

// Rooms are all rooms that bring something to a cluster whose services have the addresses of a range. A new one is a line here.
func Rooms(serviceRange netip.Prefix) []Room {
	return []Room{
		{Kinds: api.Kinds},
		{Kinds: podkind.Kinds},
		{garbage.Kinds, garbage.Loops, alone(garbage.New)},
		{nodes.Kinds, nodes.Loops, func(client *operator.Client, of Controlled) (Runner, error) { return nodes.New(client, of.Pods) }},
		{servicekind.KindsIn(serviceRange), services.Loops, alone(services.New)},
		{serviceaccounts.Kinds, serviceaccounts.Loops, func(client *operator.Client, of Controlled) (Runner, error) {
			return serviceaccounts.New(client, of.Authority)
		}},
		{rbac.Kinds, rbac.Loops, alone(rbac.New)},
		{replicasets.Kinds, replicasets.Loops, alone(replicasets.New)},
		{replicationcontrollers.Kinds, replicationcontrollers.Loops, alone(replicationcontrollers.New)},
		{deployments.Kinds, deployments.Loops, alone(deployments.New)},
	}
}

// alone makes a room's loops of a client and nothing else.
func alone[R Runner](make func(*operator.Client) (R, error)) func(*operator.Client, Controlled) (Runner, error) {
	return func(client *operator.Client, _ Controlled) (Runner, error) { return make(client) }
}

// Kinds are all kinds of object of a cluster whose services have the addresses of a range.
func Kinds(serviceRange netip.Prefix) []api.Kind {
	var kinds []api.Kind
	for _, room := range Rooms(serviceRange) {
		kinds = append(kinds, room.Kinds...)
	}
	return kinds
}

// Controllers are the operators of the control plane, in one process.
var Controllers = component.Component{
	Name: "controllers", Place: component.ControlPlane, User: "system:kube-controller-manager", Lease: "controllers",
	Short: "The operators: deployments, replica sets, endpoints, nodes, garbage",
	Loops: controllersLoops(), Flags: []string{"--cluster-cidr {pods}"},
}

func controllersLoops() []component.Loop {
	var loops []component.Loop
	for _, room := range Rooms(services.DefaultRange) {
		loops = append(loops, room.Loops...)
	}
	return loops
}

// The parts of the machine that the hosts are on.
var (
	// forward leads from the machine's loopback to the API server.
	forward = component.Component{Name: "forward", Place: component.Machine, Flags: []string{"--name {name}", "--listen {loopback}"}}
	// labSite is the lab site, where there is one.
	labSite = component.Component{Name: site, Place: component.Machine, If: "site", Flags: []string{
		"--name {name}", "--data-dir {data}", "--listen {site}", "--url-file {site-url}", "--kubeconfig {admin}", "--allow-host {site-names}",
		"--password-file {site-password}", "--cert {site-cert}", "--key {site-key}",
	}}
	// hands tells in the causal record what its administrator did to the machine.
	hands = component.Component{Name: machine, Place: component.Commands, User: "system:kube-machine", Speaks: []string{access.AdminUser}}
)

// Declared are all parts of a cluster. A new one is a line here.
var Declared = []component.Component{
	{Name: "etcd", Place: component.ControlPlane, Short: "The store: etcd's own server, one member",
		Flags: []string{"--name {host}", "--data-dir {data}/etcd", "--pki {pki}", "--address {address}"}},
	{Name: "apiserver", Place: component.ControlPlane, Short: "The API server: the one door to the store",
		Flags: []string{"--etcd https://127.0.0.1:2379", "--pki {pki}", "--host {host}", "--advertise-address {address}",
			"--listen {address}:6443", "--service-cidr {services}"}},
	scheduler.Component,
	Controllers,
	{Name: "runtime", Place: component.Node, Short: "Make pods out of images, networks and containers, for a kubelet (a CRI server)",
		Flags: []string{"--root {host-files}/runtime", "--listen {runtime}", "--shim {bin}/kube-shim", "--cluster-cidr {pods}"}},
	kubelet.Component,
	services.Component,
	dns.Component,
	forward, labSite, hands,
}
