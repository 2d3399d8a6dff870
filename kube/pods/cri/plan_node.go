package cri

import (
	"fmt"
	"path"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/api/podspec"
	"kubelab/kube/containers/streams"
)

// Node is what a pod must know of the node that it runs on.
type Node struct {
	Name, IP   string
	Runtime    string // the runtime's name, the scheme of a container's ID
	CPU        int64  // capacity in thousandths of a CPU
	Memory     int64  // capacity in bytes
	Root       string // absolute: holds the pods' files and logs
	CgroupRoot string // the node's cgroup; its pods live under it
	CgroupV2   bool   // whether the node has control groups of version 2
	DNS        string // the cluster's DNS server
	Domain     string // the cluster's domain
	Resolver   Resolver
}

// Capacity is what the node has, for those who ask how much they may use.
func (n Node) Capacity() podspec.Capacity { return podspec.Capacity{CPU: n.CPU, Memory: n.Memory} }

// Resolver is how names are looked up, as resolv.conf(5) has it.
type Resolver struct{ Servers, Searches, Options []string }

// LogDirectory is where a pod's logs lie. Its name tells a person whose they are.
func (n Node) LogDirectory(pod *corev1.Pod) string {
	return path.Join(n.Root, "logs", fmt.Sprintf("%s_%s_%s", pod.Namespace, pod.Name, pod.UID))
}

// PodDirectory is where the kubelet keeps a pod's own files.
func (n Node) PodDirectory(uid string) string { return path.Join(n.Root, "pods", uid) }

// logPath is the log of one attempt of a container, relative to the pod's log directory.
func logPath(container string, attempt int) string {
	return path.Join(container, fmt.Sprintf("%d.log", attempt))
}

// LogPath is the file with the output of one attempt of a container.
func (n Node) LogPath(pod *corev1.Pod, container string, attempt int) string {
	return path.Join(n.LogDirectory(pod), logPath(container, attempt))
}

// RotatedLog is where a log lies that was put aside.
func RotatedLog(log string) string { return streams.RotatedLog(log) }

// HostsPath is the pod's /etc/hosts.
func (n Node) HostsPath(uid string) string { return path.Join(n.PodDirectory(uid), "etc-hosts") }

// StopPath is where the kubelet keeps why it stopped a container.
func (n Node) StopPath(uid, id string) string { return path.Join(n.PodDirectory(uid), "stops", id) }

// LastWordsPath is the file in which one attempt of a container may leave its termination message.
func (n Node) LastWordsPath(uid, container string, attempt int) string {
	return path.Join(n.PodDirectory(uid), "containers", container, strconv.Itoa(attempt))
}
