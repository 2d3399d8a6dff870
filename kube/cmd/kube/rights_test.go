//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/knftables"

	"kubelab/kube/access"
	"kubelab/kube/apiserver/apiservertest"
	"kubelab/kube/cluster"
	"kubelab/kube/component"
	"kubelab/kube/dns"
	"kubelab/kube/operator"
	"kubelab/kube/scheduler"
	"kubelab/kube/services"
)

// unused are rights that the day in the life of a cluster below does not use, and why they are granted all the same.
var unused = map[string]string{
	"get pods by the scheduler":     "it looks whether a bind was carried out whose answer was lost",
	"patch events by the scheduler": "a pod for which there is still no place is told of again, and the same event is counted up",
}

// A day is a cluster without nodes, but for what the test says of them, in which the whole control plane works.
type day struct {
	*testing.T
	server *apiservertest.Cluster
	person *operator.Client
}

func TestWhatAPartOfTheControlPlaneMayDoIsWhatItDoes(t *testing.T) {
	var mu sync.Mutex
	used, refused := map[string]bool{}, map[string]bool{}
	policy := apiservertest.Policy(t, cluster.Declared...)
	names := map[string]string{}
	for _, c := range cluster.Declared {
		if c.User != "" && c.Place != component.Commands && c.Name != "kubelet" {
			names[c.UserOn("")] = c.Name
		}
	}
	policy.Told = func(r access.Request, allowed bool) {
		name, ours := names[r.User]
		if !ours || r.Resource == "" {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if allowed {
			used[use(r.Verb, r.Group, strings.TrimSuffix(r.Resource+"/"+r.Subresource, "/"), name)] = true
		} else {
			refused[use(r.Verb, r.Group, r.Resource+"/"+r.Subresource, name)] = true
		}
	}
	d := &day{T: t, server: apiservertest.StartFor(t, policy, cluster.Kinds(services.DefaultRange)...)}
	d.person = d.server.Admin()
	d.work()
	d.pass()

	mu.Lock()
	defer mu.Unlock()
	granted := map[string]bool{}
	for what := range refused {
		t.Errorf("refused: %s", what)
	}
	for _, c := range cluster.Declared {
		if names[c.UserOn("")] == "" {
			continue
		}
		for _, right := range c.AllRights() {
			for _, resource := range right.Resources {
				for _, verb := range right.Verbs {
					what := use(verb, right.Group, resource, c.Name)
					granted[what] = true
					if unused[what] == "" && !used[what] && !mayFallBack(verb, right.Verbs) && !onSome(used, verb, resource, c.Name) {
						t.Errorf("granted and not used: %s: take the right away, or say in this test why it is needed", what)
					}
				}
			}
		}
	}
	for what := range unused {
		if !granted[what] {
			t.Errorf("not granted: %s: take it off the list of this test", what)
		}
	}
}

func use(verb, group, resource, name string) string {
	return fmt.Sprintf("%s %s by the %s", verb, strings.TrimPrefix(group+"/"+resource, "/"), name)
}

// mayFallBack says whether a right to list goes with one to watch: a watch begins with what there is, and only where a server cannot do
// that with a list.
func mayFallBack(verb string, verbs []string) bool {
	return verb == "list" && slices.Contains(verbs, "watch")
}

// onSome says whether a right to all resources was used on some.
func onSome(used map[string]bool, verb, resource, name string) bool {
	if resource != "*" {
		return false
	}
	for what := range used {
		if strings.HasPrefix(what, verb+" ") && strings.HasSuffix(what, " by the "+name) {
			return true
		}
	}
	return false
}

// work starts all parts of the control plane, and what proxy and DNS watch, until the test ends.
func (d *day) work() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	d.Cleanup(running.Wait)
	d.Cleanup(cancel)
	lead := func(c component.Component, loops func(*operator.Client) (cluster.Runner, error)) {
		client := d.server.As(c, "")
		work, err := loops(client)
		d.must(nil, err)
		running.Go(func() {
			_ = client.Lead(ctx, c.Lease, "test", func(ctx context.Context) error {
				if err := client.Sync(ctx); err != nil {
					return err
				}
				return work.Run(ctx)
			})
		})
	}
	lead(scheduler.Component, func(client *operator.Client) (cluster.Runner, error) { return scheduler.New(client) })
	lead(cluster.Controllers, func(client *operator.Client) (cluster.Runner, error) {
		return controllers(client, cluster.Controlled{Pods: cluster.DefaultPods, Authority: []byte("certificate")})
	})
	name, proxy := d.server.As(dns.Component, "node-1"), d.server.As(services.Component, "node-1")
	_, err := dns.New(name, dns.Config{Listen: netip.MustParseAddrPort("127.0.0.1:53")})
	d.must(nil, err)
	_, err = services.NewProxy(proxy, knftables.NewFake(knftables.IPv4Family, services.TableName), "node-1", services.Ranges{Pods: cluster.DefaultPods, Services: services.DefaultRange})
	d.must(nil, err)
	d.must(nil, name.Sync(ctx))
	d.must(nil, proxy.Sync(ctx))
	idle := operator.NewLoop(services.RoutesLoop, 1, proxy, func(context.Context, operator.Key) error { return nil })
	running.Go(func() { _ = idle.Run(ctx) }) // it obeys step mode
}

// pass is the day: everything that the control plane has to do with happens once.
func (d *day) pass() {
	ctx, core := d.Context(), d.person.CoreV1()
	silent := d.node("node-1")
	d.must(core.Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, metav1.CreateOptions{}))

	// A rollout, whose pods run at once.
	d.must(core.Services("shop").Create(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{{Port: 80}}}}, metav1.CreateOptions{}))
	deployments := d.person.AppsV1().Deployments("shop")
	d.must(deployments.Create(ctx, webDeployment("1"), metav1.CreateOptions{}))
	d.ready("1", 2)
	next := func(patch string) {
		d.must(deployments.Patch(ctx, "web", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}))
	}
	next(`{"spec":{"template":{"metadata":{"labels":{"version":"2"}}}}}`)
	d.ready("2", 2)
	d.wait("the old ReplicaSet to go", func() bool { return len(d.sets()) == 1 })
	for range 2 { // the same event again is counted up
		for _, n := range []int{3, 2} {
			next(fmt.Sprintf(`{"spec":{"replicas":%d}}`, n))
			d.ready("2", n)
		}
	}

	// A pod leaves its ReplicaSet; the ReplicaSet is left behind, and found again.
	pods := d.pods("2")
	d.must(core.Pods("shop").Patch(ctx, pods[0].Name, types.MergePatchType, []byte(`{"metadata":{"labels":{"app":"none"}}}`), metav1.PatchOptions{}))
	d.wait("the pod to be released", func() bool { return metav1.GetControllerOf(d.pod(pods[0].Name)) == nil })
	d.ready("2", 2)
	orphan := metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationOrphan)}
	d.must(nil, deployments.Delete(ctx, "web", orphan))
	d.wait("the Deployment to go", func() bool {
		_, err := deployments.Get(ctx, "web", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	set := d.sets()[0]
	d.must(nil, d.person.AppsV1().ReplicaSets("shop").Delete(ctx, set.Name, orphan))
	d.wait("the ReplicaSet to go", func() bool { return len(d.sets()) == 0 })
	set.ResourceVersion, set.UID = "", ""
	d.must(d.person.AppsV1().ReplicaSets("shop").Create(ctx, &set, metav1.CreateOptions{}))
	d.must(deployments.Create(ctx, webDeployment("2"), metav1.CreateOptions{}))
	d.wait("all to be adopted", func() bool {
		sets, pods := d.sets(), d.pods("2")
		return len(sets) == 1 && metav1.GetControllerOf(&sets[0]) != nil && len(pods) == 2 && metav1.GetControllerOf(&pods[0]) != nil
	})

	// A ReplicationController adopts, too.
	older := map[string]string{"app": "older"}
	container := corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "busybox"}}}
	d.must(core.Pods("shop").Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "older", Labels: older}, Spec: container}, metav1.CreateOptions{}))
	d.must(core.ReplicationControllers("shop").Create(ctx, &corev1.ReplicationController{ObjectMeta: metav1.ObjectMeta{Name: "older"},
		Spec: corev1.ReplicationControllerSpec{Selector: older, Template: &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: older}, Spec: container}}}, metav1.CreateOptions{}))
	d.wait("the pod to be adopted and counted", func() bool {
		rc, err := core.ReplicationControllers("shop").Get(ctx, "older", metav1.GetOptions{})
		return err == nil && rc.Status.Replicas == 1 && metav1.GetControllerOf(d.pod("older")) != nil
	})

	// What nobody owns any more, or what hangs on another, goes.
	lost := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "lost", OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Secret", Name: "gone", UID: "gone"}}}}
	d.must(core.ConfigMaps("shop").Create(ctx, lost, metav1.CreateOptions{}))
	d.wait("what nobody owns to go", func() bool {
		_, err := core.ConfigMaps("shop").Get(ctx, "lost", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})

	// A role joins another.
	const mark = "rbac.authorization.k8s.io/aggregate-to-view"
	d.must(d.person.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "shopper", Labels: map[string]string{mark: "true"}},
		Rules: []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{"shop.example"}, Resources: []string{"wares"}}}}, metav1.CreateOptions{}))
	d.wait("the role to have joined", func() bool {
		view, err := d.person.RbacV1().ClusterRoles().Get(ctx, "view", metav1.GetOptions{})
		return err == nil && slices.ContainsFunc(view.Rules, func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, "wares") })
	})

	// There is no place for a pod.
	d.must(core.Pods("shop").Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "huge"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name: "c", Image: "busybox", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("1000")}}}}}}, metav1.CreateOptions{}))
	d.wait("a pod that fits nowhere", func() bool { return len(d.pod("huge").Status.Conditions) > 0 })
	d.node("node-2")

	// The certificate of the authority is put right, whoever changed it.
	patch := []byte(`{"data":{"ca.crt":"forged"}}`)
	d.must(core.ConfigMaps("shop").Patch(ctx, "kube-root-ca.crt", types.MergePatchType, patch, metav1.PatchOptions{}))
	d.wait("the certificate", func() bool {
		is, err := core.ConfigMaps("shop").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
		return err == nil && is.Data["ca.crt"] == "certificate"
	})

	// A node falls silent; its pods are driven off, and those of a node that is gone are cleared away.
	short := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "short"}, Spec: corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "c", Image: "busybox"}},
		Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: new(int64(1))}}}}
	d.must(core.Pods("shop").Create(ctx, short, metav1.CreateOptions{}))
	silent()
	d.wait("the pod to be driven off", func() bool {
		p, err := core.Pods("shop").Get(ctx, "short", metav1.GetOptions{})
		return err != nil || p.DeletionTimestamp != nil
	})
	d.must(nil, core.Nodes().Delete(ctx, "node-1", metav1.DeleteOptions{}))
	d.wait("its pods to be cleared away", func() bool {
		return !slices.ContainsFunc(d.pods(""), func(p corev1.Pod) bool { return p.Spec.NodeName == "node-1" })
	})

	// What belonged to a Service goes with it.
	d.must(nil, core.Services("shop").Delete(ctx, "web", metav1.DeleteOptions{}))
	d.wait("the Service's slices to go", func() bool {
		list, err := d.person.DiscoveryV1().EndpointSlices("shop").List(ctx, metav1.ListOptions{})
		return err == nil && len(list.Items) == 0
	})

	// The namespace goes, and waits for a finalizer first.
	held := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "held", Finalizers: []string{"shop.example/audit"}}}
	d.must(core.ConfigMaps("shop").Create(ctx, held, metav1.CreateOptions{}))
	d.must(nil, core.Namespaces().Delete(ctx, "shop", metav1.DeleteOptions{}))
	d.wait("the namespace to say what it waits for", func() bool {
		ns, err := core.Namespaces().Get(ctx, "shop", metav1.GetOptions{})
		return err == nil && len(ns.Status.Conditions) > 0
	})
	d.must(core.ConfigMaps("shop").Patch(ctx, "held", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}))
	d.wait("the namespace to go", func() bool {
		for _, p := range d.pods("") { // as a kubelet would say that nothing is left of it
			_ = core.Pods("shop").Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
		}
		_, err := core.Namespaces().Get(ctx, "shop", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func webDeployment(version string) *appsv1.Deployment {
	labels := map[string]string{"app": "web", "version": version}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: appsv1.DeploymentSpec{
		Replicas: new(int32(2)), RevisionHistoryLimit: new(int32(0)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "busybox"}}}},
	}}
}

// node lets a node join that lives until it is silenced.
func (d *day) node(name string) (silence func()) {
	d.Helper()
	ready := []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.Now()}}
	room := corev1.ResourceList{"cpu": resource.MustParse("4"), "memory": resource.MustParse("8Gi"), "pods": resource.MustParse("100")}
	is, err := d.person.CoreV1().Nodes().Create(d.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	d.must(is, err)
	status, err := json.Marshal(map[string]any{"status": corev1.NodeStatus{Conditions: ready, Capacity: room, Allocatable: room}})
	d.must(nil, err)
	d.must(d.person.CoreV1().Nodes().Patch(d.Context(), name, types.StrategicMergePatchType, status, metav1.PatchOptions{}, "status"))
	leases := d.person.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	lease := func() *coordinationv1.Lease {
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: coordinationv1.LeaseSpec{HolderIdentity: &name, RenewTime: new(metav1.NowMicro())}}
	}
	d.must(leases.Create(d.Context(), lease(), metav1.CreateOptions{}))
	ctx, cancel := context.WithCancel(context.Background())
	var beating sync.WaitGroup
	beating.Go(func() {
		for ctx.Err() == nil {
			_, _ = leases.Update(ctx, lease(), metav1.UpdateOptions{})
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	})
	silence = func() { cancel(); beating.Wait() }
	d.Cleanup(silence)
	return silence
}

// ready says of all pods of a version what their kubelet would, until so many are bound, and the others are gone.
func (d *day) ready(version string, n int) {
	d.Helper()
	d.wait(fmt.Sprintf("%d pods of version %s", n, version), func() bool {
		for _, p := range d.pods("") {
			if p.DeletionTimestamp != nil {
				_ = d.person.CoreV1().Pods("shop").Delete(d.Context(), p.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))})
			} else if p.Spec.NodeName != "" && p.Status.Phase == corev1.PodPending {
				status := fmt.Sprintf(`{"status":{"phase":"Running","podIP":"10.244.0.5","podIPs":[{"ip":"10.244.0.5"}],"conditions":[{"type":"Ready","status":"True","lastTransitionTime":%q}]}}`,
					time.Now().UTC().Format(time.RFC3339))
				_, _ = d.person.CoreV1().Pods("shop").Patch(d.Context(), p.Name, types.StrategicMergePatchType, []byte(status), metav1.PatchOptions{}, "status")
			}
		}
		all := d.pods(version)
		running := slices.ContainsFunc(all, func(p corev1.Pod) bool { return p.Status.Phase != corev1.PodRunning || p.DeletionTimestamp != nil })
		others := slices.ContainsFunc(d.pods(""), func(p corev1.Pod) bool { return p.Labels["app"] == "web" && p.Labels["version"] != version })
		return len(all) == n && !running && !others
	})
}

// pods are those of web of a version, or all of the namespace ("").
func (d *day) pods(version string) []corev1.Pod {
	d.Helper()
	options := metav1.ListOptions{}
	if version != "" {
		options.LabelSelector = "app=web,version=" + version
	}
	list, err := d.person.CoreV1().Pods("shop").List(d.Context(), options)
	d.must(list, err)
	return list.Items
}

func (d *day) pod(name string) *corev1.Pod {
	d.Helper()
	p, err := d.person.CoreV1().Pods("shop").Get(d.Context(), name, metav1.GetOptions{})
	d.must(p, err)
	return p
}

func (d *day) sets() []appsv1.ReplicaSet {
	d.Helper()
	list, err := d.person.AppsV1().ReplicaSets("shop").List(d.Context(), metav1.ListOptions{})
	d.must(list, err)
	return list.Items
}

func (d *day) must(_ any, err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *day) wait(what string, condition func() bool) {
	d.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.Fatalf("waited in vain for %s", what)
		}
	}
}
