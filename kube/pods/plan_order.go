package pods

import (
	"slices"

	"kubelab/kube/api/podspec"
	"kubelab/kube/initcontainers"
	"kubelab/kube/pods/observed"
)

// progress is what each container of the pod has done, as far as its order goes by it.
func (p *planner) progress() []initcontainers.Container {
	var all []initcontainers.Container
	sandbox := p.have.ready()
	for _, c := range p.members {
		is := initcontainers.Container{Member: c, Did: initcontainers.Nothing}
		record := p.lived(c.Name)
		if record != nil {
			is.Here = sandbox != nil && record.Sandbox == sandbox.ID
		} else {
			is.Here = sandbox != nil && sandbox.Attempt == 0 // what only the status knows of was in the first
		}
		switch code, ended := p.exit(c.Name); {
		case p.busyWith("start " + c.Name + " "):
			is.Did, is.Here = initcontainers.Runs, sandbox != nil
		case ended:
			is.Did, is.Code = initcontainers.Ended, code
		case record != nil && p.hasStarted(record):
			is.Did = initcontainers.Started
		case record != nil:
			is.Did = initcontainers.Runs
		}
		all = append(all, is)
	}
	return all
}

// losesSandbox is whether something still runs in a sandbox that has failed: nothing is started beside it.
func (p *planner) losesSandbox() bool {
	sandbox := p.have.ready()
	return slices.ContainsFunc(p.have.Containers, func(record observed.Container) bool {
		return record.State == observed.Running && (sandbox == nil || record.Sandbox != sandbox.ID)
	})
}

// isMember is whether the spec names a container.
func (p *planner) isMember(name string) bool {
	return slices.ContainsFunc(p.members, func(c podspec.Member) bool { return c.Name == name })
}
