package exercise

import (
	"fmt"
	"path"
	"strings"
)

// Exercise is a concept whose plan a student completes.
type Exercise struct {
	Concept   string // its room in kube/
	Component string // of a cluster, that runs it
	Task      string // in a sentence
	Files     []File
}

// File is a file of the concept and the functions that are taken out of it, as Decide or (*rollout).roll.
type File struct {
	Name      string
	Functions []string
}

// All are the exercises, in the order of the chapters.
var All = []Exercise{
	{"initcontainers", "kubelet", "Say from what each container of a pod has done which are to run now, and which to stop.", []File{
		{"plan.go", []string{"Plan", "Stop"}},
	}},
	{"probes", "kubelet", "Remember what a probe has said, and say when to ask it next.", []File{
		{"plan.go", []string{"(Record).After", "due"}},
	}},
	{"scheduler", "scheduler", "Decide on which node a pod runs: which can take it, and which of these is best.", []File{
		{"plan.go", []string{"refusal", "rank", "best"}},
		{"plan_filters.go", []string{"checkResources"}},
		{"plan_scores.go", []string{"rateFree"}},
	}},
	{"replicasets", "controllers", "Compare how many pods are wanted with those that there are, and say what is to be done.", []File{
		{"plan.go", []string{"Decide"}},
	}},
	{"deployments", "controllers", "Replace one version by the next while enough pods serve, and never too many run.", []File{
		{"plan_sizes.go", []string{"(*rollout).roll", "(*rollout).shrink"}},
	}},
}

// Find is the exercise of a concept.
func Find(concept string) (Exercise, error) {
	var known []string
	for _, exercise := range All {
		if exercise.Concept == concept {
			return exercise, nil
		}
		known = append(known, exercise.Concept)
	}
	return Exercise{}, fmt.Errorf("there is no exercise %q: there are %s", concept, strings.Join(known, ", "))
}

// room is the concept's folder in the repository.
func (e Exercise) room() string { return path.Join("kube", e.Concept) }
