package podnet

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// Node is what the pod network needs to know of a node of the cluster.
type Node struct {
	Name    string
	PodCIDR netip.Prefix // the range of its pods; the zero Prefix while it has none
	IP      netip.Addr   // its address on the link that the nodes share; the zero Addr while unknown
}

// Route says that the pods in PodCIDR are reached through the node at Via.
type Route struct {
	PodCIDR netip.Prefix
	Via     netip.Addr
}

// RouteStep is one change to the routes of a node.
type RouteStep struct {
	Verb  RouteVerb
	Route Route
}

// RouteVerb names what a RouteStep does.
type RouteVerb string

// The changes to a node's routes.
const (
	AddRoute     RouteVerb = "add"     // the way to a node that is new
	ReplaceRoute RouteVerb = "replace" // the node has another address now
	RemoveRoute  RouteVerb = "remove"  // the node is gone
)

// String prints a step as a person would type it after `ip route`.
func (s RouteStep) String() string {
	return fmt.Sprintf("%s %s via %s", s.Verb, s.Route.PodCIDR, s.Route.Via)
}

// PlanRoutes compares the cluster's nodes with the routes that a node has, and returns what to change on it, ordered by range. A node needs one route
// for each other node with a range and an address; its own range is at its own cables. If two nodes claim one range, the one whose name comes first has it, so that all nodes
// agree.
func PlanRoutes(self string, nodes []Node, existing []Route) []RouteStep {
	wanted := map[netip.Prefix]netip.Addr{}
	byName := slices.SortedFunc(slices.Values(nodes), func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	var own netip.Prefix
	for _, node := range byName {
		if node.Name == self {
			own = node.PodCIDR
		}
	}
	for _, node := range byName {
		_, taken := wanted[node.PodCIDR]
		if node.Name == self || taken || node.PodCIDR == own || !node.PodCIDR.IsValid() || !node.IP.IsValid() {
			continue
		}
		wanted[node.PodCIDR] = node.IP
	}

	var steps []RouteStep
	has := map[netip.Prefix]bool{}
	for _, route := range existing {
		has[route.PodCIDR] = true
		switch via, ok := wanted[route.PodCIDR]; {
		case !ok:
			steps = append(steps, RouteStep{RemoveRoute, route})
		case via != route.Via:
			steps = append(steps, RouteStep{ReplaceRoute, Route{route.PodCIDR, via}})
		}
	}
	for podCIDR, via := range wanted {
		if !has[podCIDR] {
			steps = append(steps, RouteStep{AddRoute, Route{podCIDR, via}})
		}
	}
	slices.SortFunc(steps, func(a, b RouteStep) int { return a.Route.PodCIDR.Compare(b.Route.PodCIDR) })
	return steps
}
