//go:build linux

package shim

import (
	"errors"
	"fmt"
	"os"

	"kubelab/kube/containers"

	"github.com/moby/profiles/seccomp"
	filter "github.com/opencontainers/runc/libcontainer/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// seccompProfile says which system calls a container may make; nil: all. A call is allowed or not also by the
// capabilities in spec.
func seccompProfile(c containers.Config, spec *specs.Spec) (*specs.LinuxSeccomp, error) {
	switch {
	case c.Privileged || c.Seccomp == containers.SeccompUnconfined:
		return nil, nil
	case !filter.Enabled:
		return nil, errors.New("this kube-shim was built without libseccomp, so it cannot filter system calls: " +
			"build it with scripts/build, or choose the seccomp profile Unconfined")
	case c.Seccomp == containers.SeccompDefault:
		return defaultProfile(spec)
	}
	text, err := os.ReadFile(c.Seccomp)
	if err != nil {
		return nil, fmt.Errorf("cannot load seccomp profile: %w", err)
	}
	profile, err := seccomp.LoadProfile(string(text), spec)
	if err != nil {
		return nil, fmt.Errorf("cannot load seccomp profile %s: %w", c.Seccomp, err)
	}
	return profile, nil
}

// defaultProfile is Docker's for the machine's own programs. To have those for its other modes too (on x86-64 two of 32
// bits) would make a container's start 35 ms longer, as libseccomp computes the filter for all of them together.
func defaultProfile(spec *specs.Spec) (*specs.LinuxSeccomp, error) {
	profile, err := seccomp.GetDefaultProfile(spec)
	if err == nil {
		profile.Architectures = profile.Architectures[:min(1, len(profile.Architectures))] // the machine's own is the first
	}
	return profile, err
}
