package trace

import "strings"

// Lost picks from the record the steps that tell why a chain may have a gap: those with [LossVerb] of the recorders whose steps
// the chain names as causes and the record does not have.
func Lost(record, chain []Step) []Step {
	known := map[ID]bool{}
	for _, step := range record {
		known[step.ID] = true
	}
	missing := map[string]bool{}
	for _, step := range chain {
		for _, cause := range step.Causes {
			if !known[cause] {
				missing[recorderOf(cause)] = true
			}
		}
	}
	var lost []Step
	for _, step := range record {
		if step.Verb == LossVerb && missing[recorderOf(step.ID)] {
			lost = append(lost, step)
		}
	}
	return lost
}

// recorderOf is what the IDs of one recorder's steps begin with: its component and host. The ID of a write has none.
func recorderOf(id ID) string { return string(id[:strings.LastIndexByte(string(id), '.')+1]) }
