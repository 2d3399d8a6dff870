package cri

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Attempt is one start of a container: which, how often in a row it was restarted, and from which image.
type Attempt struct {
	Number, Streak int
	Image          string
}

// ContainerConfig tells the runtime how to make one attempt of a container.
func ContainerConfig(pod *corev1.Pod, c *corev1.Container, attempt Attempt, env Environment, node Node) *runtimeapi.ContainerConfig {
	config := &runtimeapi.ContainerConfig{
		Metadata: &runtimeapi.ContainerMetadata{Name: c.Name, Attempt: uint32(attempt.Number)},
		Image:    &runtimeapi.ImageSpec{Image: attempt.Image, UserSpecifiedImage: c.Image},
		// The runtime sets these two against the image's own: a command replaces entrypoint and arguments
		// of the image, arguments alone replace its arguments.
		Command:    expandAll(c.Command, env),
		Args:       expandAll(c.Args, env),
		WorkingDir: c.WorkingDir,
		Mounts:     ownFiles(pod, c, attempt.Number, node),
		Labels:     LabelsOf(pod, c.Name),
		Annotations: map[string]string{
			AnnotationStreak: strconv.Itoa(attempt.Streak),
			AnnotationImage:  c.Image,
			AnnotationWords:  string(c.TerminationMessagePolicy),
		},
		LogPath: logPath(c.Name, attempt.Number),
		Stdin:   c.Stdin, StdinOnce: c.StdinOnce, Tty: c.TTY,
		Linux: &runtimeapi.LinuxContainerConfig{
			Resources:       linuxResources(c.Resources.Requests, c.Resources.Limits),
			SecurityContext: securityContext(pod, c, node),
		},
	}
	config.Linux.Resources.OomScoreAdj = oomScore(pod, c, node.Memory)
	config.Linux.Resources.Unified = unified(node)
	for _, v := range env {
		config.Envs = append(config.Envs, &runtimeapi.KeyValue{Key: v.Name, Value: []byte(v.Value)})
	}
	return config
}

// ownFiles are the files that the kubelet puts into every container: the pod's /etc/hosts, and one that the
// program may leave its last words in.
func ownFiles(pod *corev1.Pod, c *corev1.Container, attempt int, node Node) []*runtimeapi.Mount {
	mounts := []*runtimeapi.Mount{{ContainerPath: "/etc/hosts", HostPath: node.HostsPath(string(pod.UID))}}
	if c.TerminationMessagePath != "" {
		mounts = append(mounts, &runtimeapi.Mount{
			ContainerPath: c.TerminationMessagePath, HostPath: node.LastWordsPath(string(pod.UID), c.Name, attempt),
		})
	}
	return mounts
}

// Variable is one of a container's environment.
type Variable struct{ Name, Value string }

// Environment is a container's environment, in the order in which it was made. A name stands in it once.
type Environment []Variable

func (e Environment) get(name string) (string, bool) {
	for _, v := range e {
		if v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}

// set is e with a variable, in the place of one of that name if there is one. As with append, e itself is not to be used any more.
func (e Environment) set(name, value string) Environment {
	for i := range e {
		if e[i].Name == name {
			e[i].Value = value
			return e
		}
	}
	return append(e, Variable{name, value})
}

// expand puts values in the place of $(NAME). What has no value stays as it is, and $$ is a plain $.
func expand(text string, env Environment) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		end := strings.IndexByte(rest, ')')
		switch {
		case strings.HasPrefix(rest, "$"):
			out.WriteByte('$')
			text = rest[1:]
		case strings.HasPrefix(rest, "(") && end > 0:
			if value, known := env.get(rest[1:end]); known {
				out.WriteString(value)
			} else {
				out.WriteString("$" + rest[:end+1])
			}
			text = rest[end+1:]
		default:
			out.WriteByte('$')
			text = rest
		}
	}
}

func expandAll(words []string, env Environment) []string {
	var expanded []string
	for _, word := range words {
		expanded = append(expanded, expand(word, env))
	}
	return expanded
}
