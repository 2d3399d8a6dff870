//go:build linux

package services_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/knftables"

	"kubelab/kube/api"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/garbage"
	"kubelab/kube/nodes"
	"kubelab/kube/operator"
	"kubelab/kube/pods/podkind"
	"kubelab/kube/services"
	"kubelab/kube/services/servicekind"
	"kubelab/kube/trace"
)

// cluster is a real API server, a person who uses it, and the loops of this room.
type cluster struct {
	*testing.T
	*apiservertest.Cluster
	person *operator.Client
}

// controllers may do what this room declares.
var controllers = apiservertest.Controllers(services.Loops...)

func newCluster(t *testing.T) *cluster {
	c := &cluster{T: t}
	c.Cluster = apiservertest.StartFor(t, apiservertest.Policy(t, controllers, services.Component), slices.Concat(api.Kinds, garbage.Kinds, nodes.Kinds, podkind.Kinds, servicekind.Kinds)...)
	c.person = c.Admin()
	client := c.As(controllers, "")
	loop, err := services.New(client)
	c.must(err)
	c.run(client, loop.Run)
	return c
}

// run starts a loop after its watches have seen everything, and stops it with the test.
func (c *cluster) run(client *operator.Client, loop func(context.Context) error) {
	c.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c.must(client.Sync(ctx))
	var running sync.WaitGroup
	running.Go(func() {
		if err := loop(ctx); err != nil {
			c.Error(err)
		}
	})
	c.Cleanup(func() {
		cancel()
		running.Wait()
		client.Watches.Shutdown()
	})
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *cluster) check(what string, got, want any) {
	c.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		c.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (c *cluster) waitFor(what string, condition func() bool) {
	c.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.Fatalf("waited in vain for: %s", what)
		}
	}
}

// service creates a service in front of the pods with the label app=web.
func (c *cluster) service(edits ...func(*corev1.Service)) *corev1.Service {
	c.Helper()
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}},
	}}
	for _, edit := range edits {
		edit(s)
	}
	created, err := c.person.CoreV1().Services("default").Create(c.Context(), s, metav1.CreateOptions{})
	c.must(err)
	return created
}

// pod creates a pod, and says of it what its kubelet would: it has an address, and is ready.
func (c *cluster) pod(name, ip string) {
	c.Helper()
	api := c.person.CoreV1().Pods("default")
	pod, err := api.Create(c.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "c", Image: "busybox"}}},
	}, metav1.CreateOptions{})
	c.must(err)
	pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, ip, []corev1.PodIP{{IP: ip}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	_, err = api.UpdateStatus(c.Context(), pod, metav1.UpdateOptions{})
	c.must(err)
}

func (c *cluster) slices() []discoveryv1.EndpointSlice {
	c.Helper()
	list, err := c.person.DiscoveryV1().EndpointSlices("default").List(c.Context(), metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=web",
	})
	c.must(err)
	return list.Items
}

// ready lists the addresses of the service's ready endpoints.
func (c *cluster) ready() string {
	c.Helper()
	var ips []string
	for _, slice := range c.slices() {
		for _, e := range slice.Endpoints {
			if *e.Conditions.Ready {
				ips = append(ips, e.Addresses...)
			}
		}
	}
	slices.Sort(ips)
	return strings.Join(ips, " ")
}

func (c *cluster) record() []trace.Step {
	c.Helper()
	body, err := c.person.CoreV1().RESTClient().Get().AbsPath(trace.Path).Do(c.Context()).Raw()
	c.must(err)
	var record []trace.Step
	c.must(json.Unmarshal(body, &record))
	return record
}

func TestAPodIsAnEndpointAsLongAsItIsReadyAndSelected(t *testing.T) {
	c := newCluster(t)
	c.service()
	c.pod("web-1", "10.244.1.5")
	c.pod("web-2", "10.244.1.6")
	c.waitFor("two endpoints", func() bool { return c.ready() == "10.244.1.5 10.244.1.6" })
	c.check("slices, however fast one change followed the other", len(c.slices()), 1)

	api := c.person.CoreV1().Pods("default")
	_, err := api.Patch(c.Context(), "web-1", types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"app":"under-study"}}}`), metav1.PatchOptions{})
	c.must(err)
	c.waitFor("one endpoint: the other pod is no longer selected", func() bool { return c.ready() == "10.244.1.6" })

	_, err = api.Patch(c.Context(), "web-2", types.StrategicMergePatchType,
		[]byte(`{"status":{"conditions":[{"type":"Ready","status":"False"}]}}`), metav1.PatchOptions{}, "status")
	c.must(err)
	c.waitFor("no endpoint: the other pod is not ready", func() bool { return c.ready() == "" })
}

func TestTheServerGivesEachServiceAnAddressAndNoTwoTheSame(t *testing.T) {
	c := newCluster(t)
	first := c.service()
	if ip, err := netip.ParseAddr(first.Spec.ClusterIP); err != nil || !services.DefaultRange.Contains(ip) {
		t.Errorf("the address is %q", first.Spec.ClusterIP)
	}
	again := first.DeepCopy()
	again.Name, again.ResourceVersion, again.UID = "again", "", ""
	_, err := c.person.CoreV1().Services("default").Create(c.Context(), again, metav1.CreateOptions{})
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "provided IP is already allocated") {
		t.Errorf("a second service with this address: got %v, want Invalid", err)
	}
	c.must(c.person.CoreV1().Services("default").Delete(c.Context(), first.Name, metav1.DeleteOptions{}))
	c.waitFor("the address to be free again", func() bool {
		_, err = c.person.CoreV1().Services("default").Create(c.Context(), again, metav1.CreateOptions{})
		return err == nil
	})
}

func TestTheRecordLeadsFromAPodsReadinessToTheRulesOfTheNode(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads nftables rules")
	}
	c := newCluster(t)
	client := c.As(services.Component, "node-1")
	nft, err := knftables.New(knftables.IPv4Family, services.TableName)
	c.must(err)
	proxy, err := services.NewProxy(client, nft, "node-1",
		services.Ranges{Pods: netip.MustParsePrefix("10.244.0.0/16"), Services: services.DefaultRange})
	c.must(err)
	c.run(client, proxy.Run)

	s := c.service(func(s *corev1.Service) { s.Spec.ClusterIP = "10.96.0.77" })
	c.waitFor("a slice that is still empty", func() bool { return len(c.slices()) == 1 })
	c.pod("web-1", "10.244.1.5")
	var record []trace.Step
	c.waitFor("the rules", func() bool {
		record = c.record()
		return slices.ContainsFunc(record, func(step trace.Step) bool {
			return step.Verb == "load rules" && step.Object.Name == s.Name && step.Detail == "10.96.0.77:80 → 1 endpoint"
		})
	})
	var chain []string
	for _, step := range trace.Chain(record, trace.Ref{Resource: "pods", Namespace: "default", Name: "web-1"}) {
		chain = append(chain, step.Component+" "+step.Verb+" "+step.Object.Resource)
	}
	c.check("the pod's chain", chain, []string{
		"kubelab-admin create pods", "kubelab-admin update status pods", "controllers update endpointslices", "proxy load rules services",
	})
}
