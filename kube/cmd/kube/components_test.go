//go:build linux

package main

import (
	"strings"
	"testing"

	"kubelab/kube/cluster"
	"kubelab/kube/component"
)

func TestTheDeclarationsOfAllComponentsAreRightAndEachIsACommand(t *testing.T) {
	commands, err := componentCommands(cluster.Declared)
	if err != nil {
		t.Fatal(err)
	}
	// The supervisor gives each command only flags that it has.
	spec := cluster.NewSpec(cluster.Options{Name: "x", Nodes: 1, CPU: 1, Memory: 1 << 30}, cluster.DefaultPods)
	spec.Upstream = []string{"192.0.2.1:53"}
	for _, host := range spec.Hosts {
		for _, started := range spec.Components(host) {
			for _, command := range commands {
				if command.Name() != started.Name {
					continue
				}
				if err := command.ParseFlags(started.Args); err != nil {
					t.Errorf("%s %s: %v", started.Name, strings.Join(started.Args, " "), err)
				}
			}
		}
	}
}

func TestAComponentThatNothingStartsIsToldAtTheStart(t *testing.T) {
	ghost := component.Component{Name: "ghost", Place: component.Node}
	if _, err := componentCommands([]component.Component{ghost}); err == nil || !strings.Contains(err.Error(), "component ghost has no command") {
		t.Errorf("without a command: %v", err)
	}
	ghost.Place = "attic"
	if _, err := componentCommands([]component.Component{ghost}); err == nil || !strings.Contains(err.Error(), `place "attic" is unknown`) {
		t.Errorf("at an unknown place: %v", err)
	}
}
