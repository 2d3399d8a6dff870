package pods

import (
	"slices"

	"kubelab/kube/api/podspec"
	"kubelab/kube/pods/cri"
)

// sources are what the environments of the pod's containers may be drawn from.
func (c Current) sources() cri.Sources {
	from := c.Sources
	from.Node = c.Node
	if sandbox := c.ready(); sandbox != nil {
		from.IPs = sandbox.IPs
	}
	return from
}

// awaits is whether something is not known yet that a container's environment is drawn from.
func (p *planner) awaits(c podspec.Member) bool {
	return slices.ContainsFunc(p.have.Awaited, func(awaited podspec.Object) bool {
		return awaited.Resource == serviceResource || slices.ContainsFunc(podspec.References(&p.pod.Spec), func(ref podspec.Reference) bool {
			return ref.Container == c.Name && ref.Object == awaited
		})
	})
}

// unset is why a container cannot be made as its spec says, empty if it can.
func (p *planner) unset(c podspec.Member) string {
	if p.ending() || p.over() || p.unmounted() || p.awaits(c) {
		return ""
	}
	_, err := cri.ProcessOf(p.pod, c.Container, p.have.sources())
	if image, pulled := p.have.Images[c.Name]; err == nil && pulled {
		err = cri.CheckUser(p.pod, c.Container, image.ImageUser)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// serviceResource is what services are called in a reference.
const serviceResource = "services"
