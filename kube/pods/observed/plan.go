package observed

import "strings"

// stages orders a container's life.
var stages = map[State]int{Created: 1, Running: 2, Exited: 3}

// laterContainer is what is known of a container once it was told of (again). Its life only goes forward: what comes late, or twice, is no news.
func laterContainer(known, told Container) Container {
	if stages[told.State] <= stages[known.State] {
		return known
	}
	if told.Sandbox == "" {
		told.Sandbox = known.Sandbox
	}
	return told
}

// laterSandbox is what is known of a sandbox once it was told of (again). One that was lost comes back only if that is newer than all that was
// told before: a runtime that starts anew may reach again what it could not reach.
func laterSandbox(known, told Sandbox, newer bool) Sandbox {
	if !newer {
		told.Ready = told.Ready && known.Ready
	}
	if len(told.IPs) == 0 {
		told.IPs = known.IPs
	}
	if told.Causes = nil; told.Ready == known.Ready {
		told.Causes = known.Causes
	}
	return told
}

// said is what a status tells of an end: what the runtime has to say, and then the program's own words. They are a text, whatever the program wrote: what is no
// text would come back from the API server changed, and be told again for ever.
func said(runtime, program string) string {
	program = strings.ToValidUTF8(program, "\uFFFD")
	if runtime == "" || program == "" {
		return runtime + program
	}
	return runtime + ": " + program
}
