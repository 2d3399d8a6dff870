package component

import (
	"slices"
	"strings"
)

// Component is a part of the cluster.
type Component struct {
	Name  string // the subcommand of kube that starts it, and its word in the causal record
	Short string // what it does, as kube --help says it
	Place Place
	// If is a word of the cluster (see Flags). Where it is empty, the component does not run. None: it always runs.
	If string

	// User is who it is to the API server; {host} in it is the host that it runs on. Empty: it is no client of it.
	User   string
	Groups []string
	Speaks []string // the names, beside its own, by which it may speak in the causal record
	Serves bool     // it has a certificate of its host's, to be called by the API server
	Rights []Right  // beside those of its loops
	Loops  []Loop
	// Lease is the name of the Lease in kube-system that decides which of many copies works. Empty: all do.
	Lease string

	// Flags are those that the supervisor starts it with, beside those by which every client finds the API server: "--listen
	// {address}:6443". A word in braces stands for something of the cluster. A flag that comes out empty is left out, and one
	// with several values is given several times.
	Flags []string
}

// Place is where a component runs.
type Place string

// The places.
const (
	ControlPlane Place = "control plane" // on each host of the control plane
	Node         Place = "node"          // on each node
	Machine      Place = "machine"       // once, on the machine that the hosts are on
	Commands     Place = "commands"      // it is no process: commands of a person act in its name
)

var places = []Place{ControlPlane, Node, Machine, Commands}

// Loop is a loop by the name that step mode holds it by.
type Loop struct {
	Name     string
	Resource string // of the objects that its keys name
	Rights   []Right
}

// UserOn is who the component is on a host.
func (c Component) UserOn(host string) string { return strings.ReplaceAll(c.User, "{host}", host) }

// HostFlag is the flag that says on which host the component runs.
func (c Component) HostFlag() string {
	if c.Place == Node {
		return "node-name"
	}
	return "host"
}

// AllRights is everything that a component may do: what its loops may, and what goes with being a client.
func (c Component) AllRights() []Right {
	all := slices.Clone(c.Rights)
	for _, loop := range c.Loops {
		all = append(all, loop.Rights...)
	}
	if c.User != "" {
		all = append(all, giveSteps)
	}
	if len(c.Loops) > 0 {
		all = append(all, obeyStepMode)
	}
	if c.Lease != "" {
		all = append(all, stand(c.Lease)...)
	}
	return all
}

// Loops are the names of all loops of all components.
func Loops(all []Component) []string {
	var names []string
	for _, c := range all {
		for _, loop := range c.Loops {
			names = append(names, loop.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Named is the component of a name.
func Named(all []Component, name string) (Component, bool) {
	i := slices.IndexFunc(all, func(c Component) bool { return c.Name == name })
	if i < 0 {
		return Component{}, false
	}
	return all[i], true
}
