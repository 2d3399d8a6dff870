//go:build linux

package live

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"kubelab/kube/cluster"
)

// processes are the cluster's own. To find them means to read all of /proc, so it is done only when one of them has
// died; whether they live is cheap to see.
type processes struct {
	running []cluster.Running
	boot    time.Time // of the machine
}

// processFact is what is told of a component on a host.
type processFact struct {
	PID   int       `json:"pid"`
	Since time.Time `json:"since,omitzero"`
	Up    bool      `json:"up"`
}

// look tells of every component; anew says that hosts have come or gone.
func (p *processes) look(name string, anew bool) (map[string]any, error) {
	for _, one := range p.running {
		anew = anew || !one.Alive()
	}
	var err error
	if anew || p.running == nil {
		if p.running, err = cluster.Components(name); err != nil {
			return nil, err
		}
	}
	if p.boot.IsZero() {
		if p.boot, err = bootTime(); err != nil {
			return nil, err
		}
	}
	now := map[string]any{}
	for _, one := range p.running {
		fact := processFact{}
		if one.Alive() {
			fact = processFact{PID: one.PID, Since: p.boot.Add(time.Duration(one.Start) * tick).UTC(), Up: true}
		}
		now["process/"+one.Host+"/"+one.Name] = fact
	}
	return now, nil
}

// tick is the unit in which the kernel tells times to programs: USER_HZ is 100 on every machine (time(7)).
const tick = 10 * time.Millisecond

// bootTime reads when the machine was started from /proc/stat (proc(5)), to the second.
func bootTime() (time.Time, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}, err
	}
	for line := range bytes.Lines(stat) {
		if text, found := bytes.CutPrefix(line, []byte("btime ")); found {
			seconds, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
			return time.Unix(seconds, 0), err
		}
	}
	return time.Time{}, fmt.Errorf("/proc/stat has no btime")
}
