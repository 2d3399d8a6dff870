package cluster

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var net30 = netip.MustParsePrefix("172.30.0.0/24")

// small is a cluster of a control plane and one node.
func small() Spec {
	spec := NewSpec(Options{Name: "kubelab", DataDir: "/data", Nodes: 1, CPU: 2, Memory: 4 << 30}, net30)
	spec.Bin, spec.CgroupRoot, spec.Upstream = "/bin", "/kubelab/kubelab", []string{"9.9.9.9:53"}
	return spec
}

func TestWhichProcessRunsWhere(t *testing.T) {
	spec := small()
	var got strings.Builder
	for _, host := range spec.Hosts {
		fmt.Fprintf(&got, "%s %s\n", host.Name, host.Address)
		for _, component := range spec.Components(host) {
			fmt.Fprintf(&got, "  %s %s\n", component.Name, strings.Join(component.Args, " "))
		}
	}
	want := `control-plane 172.30.0.10
  etcd --name control-plane --data-dir /data/etcd --pki /data/pki --address 172.30.0.10
  apiserver --etcd https://127.0.0.1:2379 --pki /data/pki --host control-plane --advertise-address 172.30.0.10 --listen 172.30.0.10:6443 --service-cidr 10.96.0.0/16
  scheduler --kubeconfig /data/hosts/control-plane/scheduler.kubeconfig --host control-plane --journal /data/hosts/control-plane/scheduler.journal
  controllers --kubeconfig /data/hosts/control-plane/controllers.kubeconfig --host control-plane --journal /data/hosts/control-plane/controllers.journal --cluster-cidr 10.244.0.0/16
node-1 172.30.0.11
  runtime --root /data/hosts/node-1/runtime --listen unix:///data/hosts/node-1/run/cri.sock --shim /bin/kube-shim --cluster-cidr 10.244.0.0/16
  kubelet --kubeconfig /data/hosts/node-1/kubelet.kubeconfig --node-name node-1 --journal /data/hosts/node-1/kubelet.journal --node-ip 172.30.0.11 --runtime unix:///data/hosts/node-1/run/cri.sock --root /data/hosts/node-1/kubelet --cgroup-root /kubelab/kubelab/node-1 --cluster-dns 10.96.0.10 --cluster-domain cluster.local --tls-cert /data/hosts/node-1/pki/kubelet.crt --tls-key /data/hosts/node-1/pki/kubelet.key --client-ca /data/pki/ca.crt --cpu 2 --memory 4194304Ki
  proxy --kubeconfig /data/hosts/node-1/proxy.kubeconfig --node-name node-1 --journal /data/hosts/node-1/proxy.journal --cluster-cidr 10.244.0.0/16 --service-cidr 10.96.0.0/16
  dns --kubeconfig /data/hosts/node-1/dns.kubeconfig --node-name node-1 --journal /data/hosts/node-1/dns.journal --listen 10.96.0.10:53 --domain cluster.local --upstream 9.9.9.9:53
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhatLeadsFromTheMachineIntoTheClusterRunsOnTheMachine(t *testing.T) {
	spec := small()
	spec.Port = 6443
	forward := Component{"forward", []string{"--name", "kubelab", "--listen", "127.0.0.1:6443"}}
	if diff := cmp.Diff([]Component{forward}, spec.Machine()); diff != "" {
		t.Errorf("with no lab site, -want +got:\n%s", diff)
	}
	spec.Site = Site{Listen: "0.0.0.0:443", AllowHosts: []string{"lab.example", "lab"}, PasswordFile: "/p", Cert: "/c", Key: "/k"}
	want := []Component{forward, {"site", strings.Fields("--name kubelab --data-dir /data --listen 0.0.0.0:443 --url-file /run/kubelab/kubelab/site-url " +
		"--kubeconfig /data/admin.kubeconfig --allow-host lab.example --allow-host lab --password-file /p --cert /c --key /k")}}
	if diff := cmp.Diff(want, spec.Machine()); diff != "" {
		t.Errorf("with a lab site, -want +got:\n%s", diff)
	}
}

func names(hosts []Host) []string {
	var names []string
	for _, host := range hosts {
		names = append(names, fmt.Sprintf("%s %s", host.Name, host.Address))
	}
	return names
}

func TestAClusterHasThreeNodesUnlessAPersonSaysOtherwise(t *testing.T) {
	for asked, wanted := range map[int]int{-1: 3, 0: 0, 5: 5} {
		spec := NewSpec(Options{Name: "x", Nodes: asked}, net30)
		if got := len(spec.With(Node)); got != wanted {
			t.Errorf("asked for %d: got %d", asked, got)
		}
	}
}

func TestANewNodeTakesTheNextFreeNameAndAddress(t *testing.T) {
	spec := NewSpec(Options{Name: "x", Nodes: 2}, net30)
	spec.AddNode(1, 0)
	want := []string{"node-1 172.30.0.11", "node-2 172.30.0.12", "node-3 172.30.0.13"}
	if diff := cmp.Diff(want, names(spec.With(Node))); diff != "" {
		t.Error(diff)
	}
}

func TestAClusterThatMovesKeepsTheLastByteOfEachAddress(t *testing.T) {
	spec := NewSpec(Options{Name: "x", Nodes: 1}, net30)
	spec.Move(netip.MustParsePrefix("10.30.7.0/24"))
	want := []string{"control-plane 10.30.7.10", "node-1 10.30.7.11"}
	if diff := cmp.Diff(want, names(spec.Hosts)); diff != "" {
		t.Error(diff)
	}
	if spec.machine() != netip.MustParseAddr("10.30.7.1") {
		t.Errorf("the machine is at %s", spec.machine())
	}
}

func TestANetworkIsChosenThatTheMachineDoesNotUse(t *testing.T) {
	for name, test := range map[string]struct {
		taken []string
		want  string
	}{
		"an empty machine":                 {nil, "172.30.0.0/24"},
		"a default route takes nothing":    {[]string{"0.0.0.0/0"}, "172.30.0.0/24"},
		"another cluster":                  {[]string{"172.30.0.0/24", "172.30.1.0/24"}, "172.30.2.0/24"},
		"a single address":                 {[]string{"172.30.0.77/32"}, "172.30.1.0/24"},
		"a VPN over all of 172.16.0.0/12":  {[]string{"172.16.0.0/12"}, "10.30.0.0/24"},
		"and over all of 10.0.0.0/8":       {[]string{"172.16.0.0/12", "10.0.0.0/8"}, "192.168.0.0/24"},
		"and a home network beside all it": {[]string{"172.16.0.0/12", "10.0.0.0/8", "192.168.0.0/24"}, "192.168.1.0/24"},
		"a VPN over all private ranges":    {[]string{"172.16.0.0/12", "10.0.0.0/8", "192.168.0.0/16"}, "198.18.0.0/24"},
		"a VPN over everything, in halves": {[]string{"0.0.0.0/1", "128.0.0.0/1"}, "172.30.0.0/24"},
	} {
		t.Run(name, func(t *testing.T) {
			var taken []netip.Prefix
			for _, text := range test.taken {
				taken = append(taken, netip.MustParsePrefix(text))
			}
			got, err := freeNetwork(taken)
			if err != nil || got.String() != test.want {
				t.Errorf("got %v, %v; want %s", got, err, test.want)
			}
		})
	}
}

func TestEachNetworkThatMayBeChosenHasAnInterfaceOfItsOwn(t *testing.T) {
	network := map[string]netip.Prefix{}
	for {
		next, err := freeNetwork(slices.Collect(maps.Values(network)))
		if err != nil {
			break
		}
		name := legName(next)
		if other, there := network[name]; there || len(name) > 15 { // IFNAMSIZ
			t.Fatalf("%s is the interface of %s and of %s", name, next, other)
		}
		network[name] = next
	}
	if len(network) != len(pools)*perPool {
		t.Errorf("there are %d", len(network))
	}
}

func TestAMachineWithNoFreeNetworkIsToldSo(t *testing.T) {
	if network, err := freeNetwork(pools); err == nil {
		t.Errorf("got %v", network)
	}
}

func TestNetworksThatPodsDoNotReachAreNamedWithTheFlagThatHelps(t *testing.T) {
	spec := NewSpec(Options{Name: "x", Nodes: 1}, net30)
	var taken []netip.Prefix
	for _, text := range []string{"0.0.0.0/0", "127.0.0.0/8", "10.244.5.0/24", "10.244.5.7/32", "10.96.0.0/12", "192.168.1.0/24"} {
		taken = append(taken, netip.MustParsePrefix(text))
	}
	want := []string{
		"pods do not reach 10.244.5.0/24, to which this machine has a route, because pods have addresses from 10.244.0.0/16; " +
			"in a new cluster with another --pod-cidr they do",
		"pods do not reach 10.96.0.0/12, to which this machine has a route, because services have addresses from 10.96.0.0/16; " +
			"in a new cluster with another --service-cidr they do",
	}
	if diff := cmp.Diff(want, spec.hidden(taken)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if said := spec.hidden(taken[:2]); said != nil {
		t.Errorf("of a machine with other networks it says %q", said)
	}
}

func TestWhatIsWantedAndNotThereIsStartedButNotWhatAPersonSwitchedOff(t *testing.T) {
	spec := NewSpec(Options{Name: "x", Nodes: 2}, net30)
	for name, test := range map[string]struct {
		observed Observed
		want     []string
	}{
		"nothing is there": {Observed{}, []string{"forward", "control-plane", "node-1", "node-2"}},
		"all is there":     {Observed{Alive: map[string]bool{"forward": true, "control-plane": true, "node-1": true, "node-2": true}}, nil},
		"a node ended":     {Observed{Alive: map[string]bool{"forward": true, "control-plane": true, "node-2": true}}, []string{"node-1"}},
		"a node was switched off": {Observed{
			Alive:   map[string]bool{"forward": true, "control-plane": true, "node-2": true},
			Stopped: map[string]bool{"node-1": true},
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Plan(spec, test.observed)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhatKeepsEndingIsStartedEverMoreSlowlyUntilItRunsWell(t *testing.T) {
	var got []time.Duration
	var pause time.Duration
	for range 9 {
		pause = Pause(pause, time.Millisecond)
		got = append(got, pause/time.Millisecond)
	}
	if diff := cmp.Diff([]time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000}, got); diff != "" {
		t.Errorf("pauses in ms, -want +got:\n%s", diff)
	}
	if pause := Pause(pause, stable); pause != pauseFirst {
		t.Errorf("after a good run: %v", pause)
	}
}

func TestMistakesInTheOptionsAreNamedWithTheirFlag(t *testing.T) {
	for flag, options := range map[string]Options{
		"--name":     {Name: "Ä"},
		"--nodes":    {Name: "x", Nodes: maxNodes + 1},
		"--data-dir": {Name: "x", DataDir: strings.Repeat("/long", 20)},
		"--port":     {Name: "x", Port: 65536},
	} {
		if err := options.Check(); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
	if err := (Options{Name: "x", Nodes: -1, DataDir: "/d"}).Check(); err != nil {
		t.Error(err)
	}
}
