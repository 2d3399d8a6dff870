//go:build linux

package live

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/cluster"
	"kubelab/kube/podnet"
	"kubelab/kube/services"
)

// networks are the hosts' runtimes, and what they said of the sandboxes that are plugged in: a runtime may be dead while
// its pods go on.
type networks map[string]*network

type network struct {
	runtime   *grpc.ClientConn
	sandboxes map[string]port          // by ID
	others    map[string]bareContainer // by ID: containers of no pod of the API
}

// of returns what is known of a node, with a connection to its runtime.
func (n networks) of(spec cluster.Spec, host cluster.Status) (*network, error) {
	if n[host.Name] == nil {
		runtime, err := grpc.NewClient(spec.Runtime(host.Host), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		n[host.Name] = &network{runtime: runtime, sandboxes: map[string]port{}}
	}
	return n[host.Name], nil
}

func (n networks) close() {
	for _, network := range n {
		_ = network.runtime.Close() // nothing is under way on it
	}
}

// networkFact is what is told of a node's network.
type networkFact struct {
	Gateway string  `json:"gateway,omitempty"` // where all pods of the node send their packets
	Ports   []port  `json:"ports"`
	Routes  []route `json:"routes"`
	Uplink  string  `json:"uplink,omitempty"` // the interface that leads to the other hosts
}

// port is the node's end of a pod's cable. One that the runtime has not spoken of has no pod.
type port struct {
	Veth      string `json:"veth"`
	Namespace string `json:"namespace,omitempty"`
	Pod       string `json:"pod,omitempty"`
	IP        string `json:"ip,omitempty"`
}

type route struct {
	To  string `json:"to"`
	Via string `json:"via,omitempty"`
	Dev string `json:"dev,omitempty"` // without: nobody has the address, which the sender is told
}

type rulesFact struct {
	Text string `json:"text"`
}

// lookAtNetworks tells of the networks of the nodes that were touched.
func (h *hosts) lookAtNetworks(ctx context.Context, spec cluster.Spec, list []cluster.Status, touched map[string]bool) error {
	var failures []error
	for _, host := range list {
		if host.Role != cluster.Node || !touched[host.Name] {
			continue
		}
		now := map[string]any{}
		if host.Running {
			fact, err := h.networks.look(ctx, spec, host)
			if err == nil {
				now["network/"+host.Name] = fact
			}
			failures = append(failures, err)
			if text, err := rules(ctx, host); err == nil { // else the proxy has not made them yet
				now["rules/"+host.Name] = rulesFact{text}
			}
		}
		failures = append(failures, h.facts.update("network/"+host.Name, now))
	}
	return errors.Join(failures...)
}

// look reads a node's network, and asks its runtime whose the ports are.
func (n networks) look(ctx context.Context, spec cluster.Spec, host cluster.Status) (networkFact, error) {
	known, err := n.of(spec, host)
	if err != nil {
		return networkFact{}, err
	}
	fact, err := readNetwork(host)
	if err != nil {
		return fact, fmt.Errorf("look at the network of %s: %w", host.Name, err)
	}
	known.ask(ctx)
	for _, whose := range known.sandboxes {
		for i, there := range fact.Ports {
			if there.IP == whose.IP {
				whose.Veth = there.Veth
				fact.Ports[i] = whose
			}
		}
	}
	return fact, nil
}

// ask asks the runtime which sandboxes it has, and of those that are new whose they are. Without an answer what it
// said before stays.
func (n *network) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	runtime := cri.NewRuntimeServiceClient(n.runtime)
	ready := &cri.PodSandboxStateValue{State: cri.PodSandboxState_SANDBOX_READY}
	list, err := runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: &cri.PodSandboxFilter{State: ready}})
	if err != nil {
		return
	}
	still := map[string]port{}
	for _, sandbox := range list.Items {
		whose, asked := n.sandboxes[sandbox.Id]
		if !asked {
			answer, err := runtime.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: sandbox.Id})
			if err != nil {
				continue
			}
			whose = port{Namespace: sandbox.Metadata.Namespace, Pod: sandbox.Metadata.Name, IP: answer.Status.GetNetwork().GetIp()}
		}
		still[sandbox.Id] = whose
	}
	n.sandboxes = still
}

// netNS leads to the network of a host.
func netNS(host cluster.Status) string { return fmt.Sprintf("/proc/%d/ns/net", host.PID) }

// readNetwork reads ports and routes from the kernel.
func readNetwork(host cluster.Status) (fact networkFact, err error) {
	err = podnet.Do(netNS(host), func() error {
		links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer links.Close()
		all, err := links.LinkList()
		if err != nil {
			return err
		}
		if err := fact.readPorts(links, all); err != nil {
			return err
		}
		return fact.readRoutes(links, all)
	})
	return fact, err
}

// readPorts finds the cables to pods: the address of their end on the node names the pod's as its only neighbour.
func (f *networkFact) readPorts(links *netlink.Handle, all []netlink.Link) error {
	for _, link := range all {
		if link.Type() != "veth" {
			continue
		}
		addresses, err := links.AddrList(link, netlink.FAMILY_V4)
		if err != nil {
			return err
		}
		for _, address := range addresses {
			if address.Peer != nil && !address.Peer.IP.Equal(address.IP) {
				f.Ports = append(f.Ports, port{Veth: link.Attrs().Name, IP: address.Peer.IP.String()})
			}
		}
	}
	return nil
}

func (f *networkFact) readRoutes(links *netlink.Handle, all []netlink.Link) error {
	names := map[int]string{}
	for _, link := range all {
		names[link.Attrs().Index] = link.Attrs().Name
	}
	routes, err := links.RouteList(nil, netlink.FAMILY_V4)
	for _, found := range routes {
		told := route{To: "default", Dev: names[found.LinkIndex]}
		if found.Dst != nil && !found.Dst.IP.IsUnspecified() {
			told.To = strings.TrimSuffix(found.Dst.String(), "/32") // as ip route prints it
		}
		if via, ok := netip.AddrFromSlice(found.Gw); ok {
			told.Via = via.Unmap().String()
		}
		if own, err := netip.ParsePrefix(told.To); err == nil && found.Type == unix.RTN_UNREACHABLE {
			f.Gateway = podnet.Gateway(own).String()
		}
		if told.Dev != "" && !slices.ContainsFunc(f.Ports, func(p port) bool { return p.Veth == told.Dev }) {
			f.Uplink = told.Dev
		}
		f.Routes = append(f.Routes, told)
	}
	return err
}

// rules are the services' rules of a node as nft prints them.
func rules(ctx context.Context, host cluster.Status) (text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	err = podnet.Do(netNS(host), func() error {
		out, err := exec.CommandContext(ctx, "nft", "list", "table", "ip", services.TableName).Output()
		text = string(out)
		return err
	})
	return text, err
}
