package cri

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// maxProcess is how many bytes a container's environment may have, and its command with its arguments: what execve takes of both together
// where the stack has its usual limit of 8 MiB. Each reference to a variable may double what there is, so it is counted while it is made.
const maxProcess = 2 << 20

// Process is what a container is to run, and with which environment.
type Process struct {
	Env           Environment
	Command, Args []string // nil: the image's
	SubPaths      []string // what it sees of the volumes that it mounts, in their order; empty: all
}

// Variable is one of a container's environment.
type Variable struct{ Name, Value string }

// Environment is a container's environment, in the order in which it was made. A name stands in it once.
type Environment []Variable

// ProcessOf puts the values of variables into a container's command. An error says why it cannot be run.
func ProcessOf(pod *corev1.Pod, c *corev1.Container, from Sources) (Process, error) {
	env, err := environmentOf(pod, c, from)
	if err != nil {
		return Process{}, err
	}
	words := budget{left: maxProcess}
	p := Process{Env: env.variables, Command: env.expandAll(c.Command, &words), Args: env.expandAll(c.Args, &words)}
	if words.spent() {
		return Process{}, fmt.Errorf("the command and its arguments have more than %d bytes, with the values of variables in them: the kernel takes no more", maxProcess)
	}
	for _, m := range c.VolumeMounts {
		path, err := env.subPath(&m)
		if err != nil {
			return Process{}, err
		}
		p.SubPaths = append(p.SubPaths, path)
	}
	return p, nil
}

// maxPath is how long a path may be.
const maxPath = 4096

// subPath is what a mount shows of its volume. Each variable in it must have a value.
func (e *environment) subPath(m *corev1.VolumeMount) (string, error) {
	if m.SubPathExpr == "" {
		return m.SubPath, nil
	}
	left := budget{left: maxPath}
	path := e.expand(m.SubPathExpr, &left)
	switch {
	case left.unknown != "":
		return "", fmt.Errorf("missing value for %q", left.unknown)
	case left.spent():
		return "", fmt.Errorf("subPathExpr %q comes to more than %d bytes", m.SubPathExpr, maxPath)
	}
	return path, nil
}

// budget is how many bytes may still be made.
type budget struct {
	left    int
	unknown string // a variable that was asked for and has no value
}

func (b *budget) spend(bytes int) { b.left -= bytes }
func (b *budget) spent() bool     { return b.left < 0 }

// environment is one that is being made. When its budget is spent it takes no more.
type environment struct {
	variables Environment
	at        map[string]int
	budget    budget
}

func newEnvironment() *environment {
	return &environment{at: map[string]int{}, budget: budget{left: maxProcess}}
}

// set adds a variable, or replaces the one of that name in its place.
func (e *environment) set(name, value string) {
	if e.budget.spend(len(name) + len(value) + len("=\x00")); e.budget.spent() {
		return
	}
	if i, known := e.at[name]; known {
		e.variables[i].Value = value
		return
	}
	e.at[name] = len(e.variables)
	e.variables = append(e.variables, Variable{name, value})
}

// expand puts values in the place of $(NAME). What has no value stays as it is, and $$ is a plain $. What exceeds the budget is cut off.
func (e *environment) expand(text string, left *budget) string {
	var out strings.Builder
	write := func(part string) {
		if left.spend(len(part)); !left.spent() {
			out.WriteString(part)
		}
	}
	last := strings.LastIndexByte(text, ')') // behind it there is no reference
	for !left.spent() {
		before, rest, found := strings.Cut(text, "$")
		write(before)
		if !found {
			break
		}
		last -= len(before) + len("$")
		switch {
		case strings.HasPrefix(rest, "$"):
			write("$")
			text = rest[1:]
			last--
		case strings.HasPrefix(rest, "(") && last > 0:
			end := strings.IndexByte(rest, ')')
			if i, known := e.at[rest[1:end]]; known {
				write(e.variables[i].Value)
			} else {
				left.unknown = rest[1:end]
				write("$" + rest[:end+1])
			}
			text = rest[end+1:]
			last -= end + 1
		default:
			write("$")
			text = rest
		}
	}
	return out.String()
}

func (e *environment) expandAll(words []string, left *budget) []string {
	var expanded []string
	for _, word := range words {
		left.spend(len("\x00"))
		expanded = append(expanded, e.expand(word, left))
	}
	return expanded
}
