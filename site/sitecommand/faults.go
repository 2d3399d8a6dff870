//go:build linux

package sitecommand

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kubelab/kube/cluster"
	"kubelab/site"
)

// faults break a cluster on this machine: the buttons of the lab site do what commands do.
type faults struct {
	cluster string
	client  kubernetes.Interface
}

// fault is a kind of fault.
type fault struct {
	kind, title string
	heavy       bool
	targets     func(scene) []string
	command     func(target string) string // that does the same; begins with kube, or with another program
	inject      func(f faults, ctx context.Context, target string) error
}

// scene is what there is to break.
type scene struct {
	components []cluster.Running
	hosts      []cluster.Status
	pods       []corev1.Pod
}

var allFaults = []fault{
	{"kill-component", "Kill a component", false, scene.processes, under("kube kill"), func(f faults, ctx context.Context, target string) error {
		component, host, _ := strings.Cut(target, "@")
		_, err := cluster.KillComponent(ctx, f.cluster, component, host)
		return err
	}},
	onHost("kill-node", "Cut a host's power", "kill", true, func(h cluster.Status) bool { return !h.Stopped }, cluster.Kill),
	onHost("start-node", "Switch a host on", "start", false, func(h cluster.Status) bool { return h.Stopped }, cluster.Start),
	onHost("cut-node", "Pull a host's network cable", "cut", true, func(h cluster.Status) bool { return !h.Stopped && !h.Cut }, cluster.Cut),
	onHost("mend-node", "Plug a host's network cable in", "mend", false, func(h cluster.Status) bool { return h.Cut }, cluster.Mend),
	{"kill-container", "Kill a container", false, scene.containers, under("kube kill container"), faults.killContainer},
	{"delete-pod", "Delete a pod", false, scene.podNames, func(target string) string {
		namespace, pod, _ := strings.Cut(target, "/")
		return "kubectl delete pod " + pod + " -n " + namespace
	}, faults.deletePod},
}

// under makes the command of a target: those words before it.
func under(words string) func(string) string {
	return func(target string) string { return words + " " + target }
}

func onHost(kind, title, verb string, heavy bool, applies func(cluster.Status) bool, do func(ctx context.Context, cluster, host string) error) fault {
	targets := func(s scene) (names []string) {
		for _, host := range s.hosts {
			if applies(host) {
				names = append(names, host.Name)
			}
		}
		return names
	}
	return fault{kind, title, heavy, targets, under("kube node " + verb), func(f faults, ctx context.Context, target string) error {
		return do(ctx, f.cluster, target)
	}}
}

// processes are what comes back when it is killed: all but the supervisor. The site itself is left to kube kill, since
// it could not answer.
func (s scene) processes() (names []string) {
	for _, component := range s.components {
		if component.Name != "supervise" && component.Name != "site" {
			names = append(names, component.String())
		}
	}
	return names
}

func (s scene) podNames() (names []string) {
	for _, pod := range s.pods {
		names = append(names, pod.Namespace+"/"+pod.Name)
	}
	return names
}

func (s scene) containers() (names []string) {
	for _, pod := range s.pods {
		for _, status := range pod.Status.ContainerStatuses {
			if status.State.Running != nil {
				names = append(names, pod.Namespace+"/"+pod.Name+"/"+status.Name)
			}
		}
	}
	return names
}

// lookTerm is how long the API server may take to say which pods there are.
const lookTerm = 3 * time.Second

// scene looks at what there is. While the API server does not answer there are no pods.
func (f faults) scene(ctx context.Context) (seen scene, spec cluster.Spec, err error) {
	if spec, seen.hosts, err = cluster.List(f.cluster); err != nil {
		return seen, spec, err
	}
	if seen.components, err = cluster.Components(f.cluster); err != nil {
		return seen, spec, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookTerm)
	defer cancel()
	if pods, err := f.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{}); err == nil {
		seen.pods = pods.Items
	}
	return seen, spec, nil
}

// List is all that can be broken now.
func (f faults) List(ctx context.Context) ([]site.Fault, error) {
	seen, spec, err := f.scene(ctx)
	if err != nil {
		return nil, err
	}
	var all []site.Fault
	for _, fault := range allFaults {
		shown := site.Fault{Kind: fault.kind, Title: fault.title, Heavy: fault.heavy, Targets: []site.Target{}}
		for _, target := range fault.targets(seen) {
			shown.Targets = append(shown.Targets, site.Target{Target: target, Command: typed(spec, fault.command(target))})
		}
		all = append(all, shown)
	}
	return all, nil
}

// typed is a command as a person types it: what belongs to kube takes root, and the name of the cluster.
func typed(spec cluster.Spec, command string) string {
	if words, ours := strings.CutPrefix(command, "kube "); ours {
		return "sudo " + spec.Command(words)
	}
	return command
}

// Inject does it.
func (f faults) Inject(ctx context.Context, kind, target string) (command string, err error) {
	seen, spec, err := f.scene(ctx)
	if err != nil {
		return "", err
	}
	fault, err := seen.choose(kind, target)
	if err != nil {
		return "", err
	}
	return typed(spec, fault.command(target)), fault.inject(f, ctx, target)
}

// choose finds a kind of fault that can befall a target: nothing that is not listed.
func (s scene) choose(kind, target string) (fault, error) {
	i := slices.IndexFunc(allFaults, func(fault fault) bool { return fault.kind == kind })
	if i < 0 || !slices.Contains(allFaults[i].targets(s), target) {
		return fault{}, fmt.Errorf("%q of %q: %w: GET /api/faults lists them", kind, target, site.ErrUnknown)
	}
	return allFaults[i], nil
}

func (f faults) killContainer(ctx context.Context, target string) error {
	return cluster.KillContainer(ctx, f.client, f.cluster, target)
}

func (f faults) deletePod(ctx context.Context, target string) error {
	namespace, name, _ := strings.Cut(target, "/")
	return f.client.CoreV1().Pods(namespace).Delete(ctx, name, metav1.DeleteOptions{})
}
