package cluster

import "time"

// Observed is what is there of a cluster.
type Observed struct {
	Alive   map[string]bool // which processes run: hosts, and those on the machine itself
	Stopped map[string]bool // which hosts a person has switched off
}

// Plan says what is to be started: what is wanted, is not there, and was not switched off.
func Plan(spec Spec, observed Observed) (start []string) {
	var wanted []string
	for _, component := range spec.Machine() {
		wanted = append(wanted, component.Name)
	}
	for _, host := range spec.Hosts {
		wanted = append(wanted, host.Name)
	}
	for _, name := range wanted {
		if !observed.Alive[name] && !observed.Stopped[name] {
			start = append(start, name)
		}
	}
	return start
}

// The pause before something that ended is started again: it doubles from the first to the last, and
// what has run for stable counts as new.
const (
	pauseFirst = 100 * time.Millisecond
	pauseLast  = 10 * time.Second
	stable     = 10 * time.Second
)

// Pause is how long to wait before the next start of something that was started after a pause of before
// (zero: for the first time) and then ran for ran.
func Pause(before, ran time.Duration) time.Duration {
	if before == 0 || ran >= stable {
		return pauseFirst
	}
	return min(2*before, pauseLast)
}
