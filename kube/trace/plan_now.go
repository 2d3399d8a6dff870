package trace

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Line is what a person reads as one step: a step, or several that differ only in their object or their host, such as
// those of twelve pods that were created for the same reason. It is never empty.
type Line []Step

// Now picks from the record what tells why an object is as it is now, in at most limit lines and the requests that all
// began with. What was done to an earlier object of that name does not count. If the [Chain] is too long, of what was done again and again to the object only the last
// time counts, and then the newest lines. left is how many steps of the chain are in no line.
func Now(record []Step, object Ref, limit int) (lines []Line, left int) {
	all := len(Chain(record, object))
	chain := Chain(sinceCreated(record, object), object)
	lines = Fold(chain)
	if len(lines) > limit {
		lines = Fold(newest(chain, object))
	}
	if len(lines) > limit {
		old := slices.DeleteFunc(slices.Clone(lines[:len(lines)-limit]), func(line Line) bool { return line[0].Root != Request })
		lines = append(old, lines[len(lines)-limit:]...)
	}
	left = all
	for _, line := range lines {
		left -= len(line)
	}
	return lines, left
}

// sinceCreated leaves out what was done to objects of that name before the last one of them was created.
func sinceCreated(record []Step, object Ref) []Step {
	var created time.Time
	for _, step := range record {
		if step.Object == object && step.Verb == "create" && step.Time.After(created) {
			created = step.Time
		}
	}
	return slices.DeleteFunc(slices.Clone(record), func(step Step) bool { return step.Object == object && step.Time.Before(created) })
}

// newest keeps of each verb of each component the last step on the object or on its traffic, and what led to those.
func newest(chain []Step, object Ref) []Step {
	type repeated struct {
		component, host, verb string
		object                Ref
	}
	byID, last := map[ID]int{}, map[repeated]int{}
	for i, step := range chain {
		byID[step.ID] = i
		if step.Object == object || carriesTraffic(step) {
			last[repeated{step.Component, step.Host, step.Verb, step.Object}] = i
		}
	}
	chosen := map[int]bool{}
	up := backFrom(chain, byID, chosen)
	for _, i := range last {
		up(i)
	}
	return inOrder(chain, chosen, byID)
}

// Fold makes a chain into lines: what one component did to several objects of a resource, from the same causes,
// becomes one line, and then so does what follows from it.
func Fold(chain []Step) []Line {
	type like struct {
		component, verb, resource, namespace, causes string
		nth                                          int // of an object's steps that are alike: those stay apart
	}
	type once struct {
		like
		host   string
		object Ref
	}
	lineOf, found, seen := map[ID]int{}, map[like]int{}, map[once]int{}
	var lines []Line
	for _, step := range chain {
		causes := map[int]bool{}
		for _, id := range step.Causes {
			if n, known := lineOf[id]; known {
				causes[n] = true
			}
		}
		key := like{who(Step{Component: step.Component, Source: step.Source}), step.Verb, step.Object.Resource, step.Object.Namespace,
			fmt.Sprint(step.Root, slices.Sorted(maps.Keys(causes))), 0}
		same := once{key, step.Host, step.Object}
		key.nth = seen[same]
		seen[same]++
		n, known := found[key]
		if !known || step.Root != "" { // each root is somebody's own
			n = len(lines)
			found[key] = n
			lines = append(lines, nil)
		}
		lines[n] = append(lines[n], step)
		lineOf[step.ID] = n
	}
	return lines
}
