//go:build linux

package pods

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubelab/kube/atomicfile"
	"kubelab/kube/containers"
	"kubelab/kube/operator"
	"kubelab/kube/pods/cri"
	"kubelab/kube/trace"
	"kubelab/kube/volumes"
)

// files are what the kubelet of a node keeps on disk for its pods.
type files struct{ cri.Node }

// private is the mode of every directory of a pod's. A container's root may make any file that it can write one that runs
// as root for all who reach it (set-user-ID), and such a file is one of the machine's: so nobody else may reach it.
const private = 0o700

// makeDirectories makes the places of a pod's files and logs.
func (n files) makeDirectories(pod *corev1.Pod) error {
	for _, directory := range []string{n.LogDirectory(pod), n.PodDirectory(string(pod.UID))} {
		if err := os.MkdirAll(directory, private); err != nil {
			return fmt.Errorf("make directory of pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
	}
	return nil
}

// writeFiles writes what the runtime mounts into a container.
func (n files) writeFiles(pod *corev1.Pod, c *corev1.Container, attempt int, ips []string) error {
	uid := string(pod.UID)
	words := n.LastWordsPath(uid, c.Name, attempt)
	for _, directory := range []string{path.Dir(words), path.Dir(n.LogPath(pod, c.Name, attempt))} {
		if err := os.MkdirAll(directory, private); err != nil {
			return fmt.Errorf("make directory of container %s: %w", c.Name, err)
		}
	}
	if err := os.WriteFile(words, nil, 0o666); err != nil {
		return fmt.Errorf("make the file for last words of container %s: %w", c.Name, err)
	}
	if err := os.Chmod(words, 0o666); err != nil { // whatever the umask: the program may run as anybody
		return fmt.Errorf("open the file for last words of container %s to all: %w", c.Name, err)
	}
	return n.writeHosts(uid, cri.HostsFile(pod, n.Node, ips))
}

// writeStop keeps the decision to stop a container: the kubelet that sees its end may be another one.
func (n files) writeStop(uid, id string, decided trace.ID) error {
	file := n.StopPath(uid, id)
	if err := os.MkdirAll(path.Dir(file), private); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(decided), 0o600)
}

// readStop is the decision to stop a container, empty if there is none: then it ended by itself.
func (n files) readStop(uid, id string) trace.ID {
	decided, err := os.ReadFile(n.StopPath(uid, id))
	if err != nil {
		return ""
	}
	return trace.ID(decided)
}

// writeHosts leaves a file alone that is right already: running containers see that very file.
func (n files) writeHosts(uid, content string) error {
	file := n.HostsPath(uid)
	if holds(file, content) {
		return nil
	}
	return atomicfile.Replace(file, []byte(content), 0o644) // the pod's other containers may start at the same time
}

// holds says whether a file has a content and nothing else. Containers write to it: it may have any size.
func holds(file, content string) bool {
	there, err := os.Open(file)
	if err != nil {
		return false
	}
	defer there.Close()
	is, err := io.ReadAll(io.LimitReader(there, int64(len(content))+1))
	return err == nil && string(is) == content
}

// removeFiles removes all that is left of a pod.
func (n files) removeFiles(key operator.Key, uid string) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: types.UID(uid)}}
	err := errors.Join(os.RemoveAll(n.LogDirectory(pod)), n.removeCgroup(uid), volumes.RemoveTree(n.PodDirectory(uid)))
	if err != nil {
		return fmt.Errorf("remove what is left of pod %s: %w", key, err)
	}
	return nil
}

// removeCgroup removes the cgroup of a pod whose class is not known any more: it is in one of the three.
func (n files) removeCgroup(uid string) (err error) {
	for class := range cri.Classes {
		err = errors.Join(err, containers.RemoveCgroup(cri.PodCgroup(n.CgroupRoot, class, uid)))
	}
	return err
}

// sweep removes the files of pods that nobody knows any more: a kubelet was killed before it could.
func (n files) sweep(known func(uid string) bool) error {
	logs, err := filepath.Glob(filepath.Join(n.Root, "logs", "*_*_*"))
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(n.Root, "pods", "*"))
	if err != nil {
		return err
	}
	for _, directory := range append(logs, files...) {
		uid := directory[strings.LastIndexAny(directory, "_/")+1:]
		if !known(uid) {
			err = errors.Join(err, n.removeCgroup(uid), volumes.RemoveTree(directory))
		}
	}
	return err
}

func remove(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
