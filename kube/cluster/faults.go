//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kubelab/kube/access"
	"kubelab/kube/api/podspec"
	"kubelab/kube/containers"
	"kubelab/kube/operator"
	"kubelab/kube/pods/cri"
	"kubelab/kube/trace"
)

// Kill cuts a host's power: everything on it dies at once. It stays off until [Start].
func Kill(ctx context.Context, name, host string) error {
	return withHost(name, host, func(c *Cluster, host Host) error {
		c.record(ctx, "cut power", node(host.Name), "kube node kill")
		// First that it is wanted so, then the deed: else the supervisor could start it again in between.
		if err := c.change(func(state *State) { state.Stopped[host.Name] = true }); err != nil {
			return err
		}
		process := c.state.Processes[host.Name]
		if err := process.Signal(unix.SIGKILL); err != nil {
			return err
		}
		process.Wait(-1)
		return removeCgroups(c.Spec.cgroup(host))
	})
}

// Start switches a host on again.
func Start(ctx context.Context, name, host string) error {
	return withHost(name, host, func(c *Cluster, host Host) error {
		if err := c.change(func(state *State) { delete(state.Stopped, host.Name) }); err != nil {
			return err
		}
		pki, err := c.prepare(ctx)
		if err == nil {
			err = c.start(ctx, pki)
		}
		if err == nil {
			c.record(ctx, "switch on", node(host.Name), "kube node start") // it may be the API server's host
		}
		return err
	})
}

// Cut pulls a host's cable out of the switch: the host runs on, alone.
func Cut(ctx context.Context, name, host string) error {
	return withHost(name, host, func(c *Cluster, host Host) error {
		c.record(ctx, "cut cable", node(host.Name), "kube node cut")
		return setCable(c.Spec.Name, host.Name, false)
	})
}

// Mend plugs the cable in again.
func Mend(ctx context.Context, name, host string) error {
	return withHost(name, host, func(c *Cluster, host Host) error {
		if err := setCable(c.Spec.Name, host.Name, true); err != nil {
			return err
		}
		c.record(ctx, "mend cable", node(host.Name), "kube node mend") // it may be the API server's
		return nil
	})
}

// KillComponent kills the process of a component, as kill -9 does, on every host that it runs on, or on one ("": all).
// It returns what it killed.
func KillComponent(ctx context.Context, name, component, host string) ([]Running, error) {
	c, err := open(name)
	if err != nil {
		return nil, err
	}
	defer c.release()
	all, err := c.components()
	if err != nil {
		return nil, err
	}
	var victims []Running
	var known []string
	for _, running := range all {
		if running.Name == component && (host == "" || running.Host == host) && running.Alive() {
			victims = append(victims, running)
		}
		known = append(known, running.String())
	}
	if len(victims) == 0 {
		return nil, fmt.Errorf("no component %s runs in the cluster %s: it has %s", Running{Host: host, Name: component}, name, strings.Join(known, " "))
	}
	for _, victim := range victims {
		c.record(ctx, "kill component", node(victim.Host), fmt.Sprintf("kube kill %s: pid %d", victim, victim.PID))
	}
	for _, victim := range victims {
		if err := victim.Signal(unix.SIGKILL); err != nil {
			return nil, err
		}
	}
	return victims, nil
}

// KillContainer kills all processes of the container NAMESPACE/POD/CONTAINER, as kill -9 does.
func KillContainer(ctx context.Context, client kubernetes.Interface, name, target string) error {
	parts := strings.Split(target, "/")
	if len(parts) != 3 {
		return fmt.Errorf("%q names no container: write NAMESPACE/POD/CONTAINER", target)
	}
	pod, err := client.CoreV1().Pods(parts[0]).Get(ctx, parts[1], metav1.GetOptions{})
	if err != nil {
		return err
	}
	return killContainer(ctx, name, pod, parts[2])
}

func killContainer(ctx context.Context, name string, pod *corev1.Pod, container string) error {
	return withHost(name, pod.Spec.NodeName, func(c *Cluster, host Host) error {
		for _, status := range podspec.Statuses(&pod.Status) {
			if _, id, made := strings.Cut(status.ContainerID, "://"); made && status.Name == container && status.State.Running != nil {
				c.record(ctx, "kill container", trace.Ref{Resource: "pods", Namespace: pod.Namespace, Name: pod.Name}, container)
				return containers.KillCgroup(cri.CgroupParent(c.Spec.cgroup(host), pod) + "/" + id)
			}
		}
		return fmt.Errorf("pod %s/%s has no container %q that runs", pod.Namespace, pod.Name, container)
	})
}

func withHost(name, host string, do func(*Cluster, Host) error) error {
	c, err := open(name)
	if err != nil {
		return err
	}
	defer c.release()
	found := c.Spec.Host(host)
	if found == nil {
		return fmt.Errorf("the cluster %s has no host %q (see: %s)", name, host, c.Spec.Command("node list"))
	}
	return do(c, *found)
}

func node(host string) trace.Ref { return trace.Ref{Resource: "nodes", Name: host} }

// recordFor is how long a step waits for an API server that takes it.
const recordFor = 2 * time.Second

// record takes down what a person does to the cluster from outside: a root of all that follows. Where no API server
// can be reached the deed goes on without it.
func (c *Cluster) record(ctx context.Context, verb string, object trace.Ref, detail string) {
	now := time.Now()
	step := trace.Step{
		ID: trace.ID(fmt.Sprintf("%s%x", trace.Prefix(machine, ""), now.UnixNano())), Time: now, Component: access.AdminUser, Root: trace.Request,
		Verb: verb, Object: object, Detail: detail,
	}
	client, err := operator.Connect(operator.Identity{Component: machine, Kubeconfig: c.Spec.path(machineKubeconfig)})
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, recordFor)
		defer cancel()
		for err = client.Send(ctx, []trace.Step{step}); err != nil && !errors.Is(err, trace.ErrRefused) && ctx.Err() == nil; err = client.Send(ctx, []trace.Step{step}) {
			time.Sleep(probeEvery)
		}
	}
	if err != nil {
		slog.Warn("this is missing in the causal record", "did", verb, "to", object, "error", err)
	}
}
