package trace

// Held picks from the record what waits in step mode: the steps "hold" that no step "resume" has followed. The Detail
// of such a step is the name of the loop. record is in the order of time.
func Held(record []Step) []Step {
	type place struct {
		loop, host string
		object     Ref
	}
	last := map[place]int{}
	for i, step := range record {
		if step.Verb == "hold" || step.Verb == "resume" {
			last[place{step.Detail, step.Host, step.Object}] = i
		}
	}
	var held []Step
	for i, step := range record {
		if newest, ok := last[place{step.Detail, step.Host, step.Object}]; ok && newest == i && step.Verb == "hold" {
			held = append(held, step)
		}
	}
	return held
}
