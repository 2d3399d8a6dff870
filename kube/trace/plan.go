package trace

import (
	"slices"
	"strings"
)

// Chain picks from the record what tells why an object is as it is: every step on the object itself, what
// caused each of them, back to the roots, and what they led to in the network. The steps come in the order in
// which they happened, each after its causes.
func Chain(record []Step, object Ref) []Step {
	byID := map[ID]int{}
	effects := map[ID][]int{}
	for i, step := range record {
		byID[step.ID] = i
		for _, cause := range step.Causes {
			effects[cause] = append(effects[cause], i)
		}
	}
	chosen := map[int]bool{}
	up := backFrom(record, byID, chosen)
	var down func(i int)
	down = func(i int) {
		for _, j := range effects[record[i].ID] {
			if carriesTraffic(record[j]) && !chosen[j] {
				chosen[j] = true
				down(j)
			}
		}
	}
	for i, step := range record {
		if step.Object == object {
			up(i)
		}
	}
	for i, step := range record {
		if step.Object == object {
			down(i)
		}
	}
	return inOrder(record, chosen, byID)
}

// backFrom returns a function that chooses a step and all that led to it.
func backFrom(record []Step, byID map[ID]int, chosen map[int]bool) func(i int) {
	var up func(i int)
	up = func(i int) {
		if chosen[i] {
			return
		}
		chosen[i] = true
		for _, cause := range record[i].Causes {
			if j, known := byID[cause]; known {
				up(j)
			}
		}
	}
	return up
}

// carriesTraffic says whether a step is about how packets find an object: only those effects of a pod's steps
// belong to its story. What else a ready pod sets off (the next pod of a roll-out) is the story of others.
func carriesTraffic(step Step) bool {
	return step.Object.Resource == "endpointslices" || step.Object.Resource == "services"
}

// inOrder sorts by time. Clocks of several processes may differ by a little, so a step never comes before a
// cause of its own.
func inOrder(record []Step, chosen map[int]bool, byID map[ID]int) []Step {
	order := make([]int, 0, len(chosen))
	for i := range chosen {
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int {
		if c := record[a].Time.Compare(record[b].Time); c != 0 {
			return c
		}
		return strings.Compare(string(record[a].ID), string(record[b].ID))
	})
	var sorted []Step
	placed := map[int]bool{}
	var place func(i int)
	place = func(i int) {
		if placed[i] {
			return
		}
		placed[i] = true
		for _, cause := range record[i].Causes {
			if j, known := byID[cause]; known && chosen[j] {
				place(j)
			}
		}
		sorted = append(sorted, record[i])
	}
	for _, i := range order {
		place(i)
	}
	return sorted
}

// Gaps are the steps of a chain that neither are a root nor name a cause which is in the chain: where the answer to
// "why" ends too early.
func Gaps(chain []Step) []Step {
	known := map[ID]bool{}
	for _, step := range chain {
		known[step.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(chain), func(step Step) bool {
		return step.Root != "" || slices.ContainsFunc(step.Causes, func(id ID) bool { return known[id] })
	})
}
