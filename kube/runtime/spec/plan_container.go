package spec

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
	"kubelab/kube/images"
)

// PodMounts are the files that a pod's containers see in place of their image's.
type PodMounts struct{ ResolvConf, Hostname, Hosts string }

// PlanContainer puts together what a container shall be: what the pod wants, on top of what its image says.
func PlanContainer(id string, want *cri.ContainerConfig, pod *cri.PodSandboxConfig, image images.Image, layers []string, files PodMounts) (containers.Config, error) {
	security := want.GetLinux().GetSecurityContext()
	c := containers.Config{
		ID: id, Layers: layers,
		Args: command(want, image.Config), Env: environment(want, pod.GetHostname(), image.Config), Cwd: want.WorkingDir,
		User: user(security, image.Config.User), Resources: resources(want.GetLinux().GetResources()),
		OOMScoreAdj: int(want.GetLinux().GetResources().GetOomScoreAdj()),
		CapAdd:      security.GetCapabilities().GetAddCapabilities(), CapDrop: security.GetCapabilities().GetDropCapabilities(),
		Privileged: security.GetPrivileged(), ReadonlyRootfs: security.GetReadonlyRootfs(), NoNewPrivs: security.GetNoNewPrivs(),
		// Protobuf cannot tell "the usual paths" from "none", so procMount: Unmasked is not to be had; privileged is.
		MaskedPaths: notEmpty(security.GetMaskedPaths()), ReadonlyPaths: notEmpty(security.GetReadonlyPaths()),
		HostPID:  security.GetNamespaceOptions().GetPid() == cri.NamespaceMode_NODE,
		Terminal: want.Tty, Stdin: want.Stdin, StdinOnce: want.StdinOnce,
	}
	if err := checkContainer(want, pod); err != nil {
		return c, err
	}
	switch options := security.GetNamespaceOptions(); {
	case SharesPID(options):
		c.ProcessesOf = containers.PauseID
	case options.GetPid() == cri.NamespaceMode_TARGET:
		c.ProcessesOf = options.TargetId
	}
	if len(c.Args) == 0 {
		return c, fmt.Errorf("neither the pod nor image %s says which command to run", want.GetImage().GetImage())
	}
	if c.Cwd == "" {
		c.Cwd = image.Config.WorkingDir
	}
	if want.LogPath != "" && pod.GetLogDirectory() != "" {
		c.LogPath = path.Join(pod.LogDirectory, want.LogPath)
	}
	for _, group := range security.GetSupplementalGroups() {
		c.Groups = append(c.Groups, int(group))
	}
	var err error
	if c.Seccomp, err = seccomp(security.GetSeccomp()); err != nil {
		return c, err
	}
	c.Mounts, err = mounts(want, files)
	return c, err
}

// seccomp names the filter of system calls as containers.Config has it. Who says nothing gets the default one.
func seccomp(profile *cri.SecurityProfile) (string, error) {
	switch local := profile.GetLocalhostRef(); profile.GetProfileType() {
	case cri.SecurityProfile_Unconfined:
		return containers.SeccompUnconfined, nil
	case cri.SecurityProfile_Localhost:
		if !path.IsAbs(local) {
			return "", fmt.Errorf("seccomp profile %q: want an absolute path", local)
		}
		return local, nil
	}
	return containers.SeccompDefault, nil
}

// command follows the table in the Kubernetes documentation ("Define a Command and Arguments for a Container"): a command replaces the image's
// entrypoint and its arguments, arguments alone replace only the image's arguments.
func command(want *cri.ContainerConfig, image v1.Config) []string {
	entrypoint, args := image.Entrypoint, image.Cmd
	if len(want.Command) > 0 {
		entrypoint, args = want.Command, nil
	}
	if len(want.Args) > 0 {
		args = want.Args
	}
	return slices.Concat(entrypoint, args)
}

// environment is the image's and the pod's name, where a variable of the pod's takes the place of one with the same name.
func environment(want *cri.ContainerConfig, hostname string, image v1.Config) []string {
	env := slices.Clone(image.Env)
	if hostname != "" {
		env = append(env, "HOSTNAME="+hostname)
	}
	for _, variable := range want.Envs {
		name := variable.Key + "="
		env = slices.DeleteFunc(env, func(old string) bool { return strings.HasPrefix(old, name) })
		env = append(env, name+string(variable.Value))
	}
	return env
}

// user is "user:group" as containers.Config has it.
func user(security *cri.LinuxContainerSecurityContext, image string) string {
	var user string
	switch {
	case security.GetRunAsUser() != nil:
		user = strconv.FormatInt(security.RunAsUser.Value, 10)
	case security.GetRunAsUsername() != "":
		user = security.RunAsUsername
	default:
		return image // with its group
	}
	if security.GetRunAsGroup() == nil {
		return user
	}
	return user + ":" + strconv.FormatInt(security.RunAsGroup.Value, 10)
}

// checkContainer refuses what this runtime cannot do: a container that lacks it would look like one that has it.
func checkContainer(want *cri.ContainerConfig, pod *cri.PodSandboxConfig) error {
	if err := refuse(want.ProtoReflect(), "", RefusedOfContainer); err != nil {
		return err
	}
	for _, mount := range want.Mounts {
		switch {
		case mount.RecursiveReadOnly && !mount.Readonly:
			return fmt.Errorf("mounts.recursive_read_only, at %s: it needs readonly beside it", mount.ContainerPath)
		case mount.RecursiveReadOnly && mount.Propagation != cri.MountPropagation_PROPAGATION_PRIVATE:
			return fmt.Errorf("mounts.recursive_read_only, at %s: it cannot be had with a propagation", mount.ContainerPath)
		}
	}
	security := want.GetLinux().GetSecurityContext()
	switch {
	case security.GetRunAsGroup() != nil && security.GetRunAsUser() == nil && security.GetRunAsUsername() == "":
		return errors.New("linux.security_context.run_as_group: a group needs run_as_user or run_as_username beside it")
	case security.GetPrivileged() && !pod.GetLinux().GetSecurityContext().GetPrivileged():
		return errors.New("linux.security_context.privileged: the sandbox does not allow it: make that privileged, too")
	case SharesPID(security.GetNamespaceOptions()) && !SharesPID(Namespaces(pod)):
		return errors.New("PID namespace mode POD: the sandbox was made without processes to share: make that one with mode POD, too")
	}
	return checkNamespaces(security.GetNamespaceOptions())
}

// mounts are the pod's, after the files that every container gets; who mounts something there himself gets his own.
func mounts(want *cri.ContainerConfig, files PodMounts) ([]containers.Mount, error) {
	readonly := want.GetLinux().GetSecurityContext().GetReadonlyRootfs()
	list := []containers.Mount{
		{Source: files.ResolvConf, Target: "/etc/resolv.conf", ReadOnly: readonly},
		{Source: files.Hostname, Target: "/etc/hostname", ReadOnly: readonly},
		{Source: files.Hosts, Target: "/etc/hosts", ReadOnly: readonly},
	}
	for _, mount := range want.Mounts {
		if !path.IsAbs(mount.ContainerPath) || !path.IsAbs(mount.HostPath) {
			return nil, fmt.Errorf("mount %q at %q: want absolute paths", mount.HostPath, mount.ContainerPath)
		}
		list = slices.DeleteFunc(list, func(m containers.Mount) bool { return m.Target == path.Clean(mount.ContainerPath) })
		list = append(list, containers.Mount{
			Source: mount.HostPath, Target: mount.ContainerPath, ReadOnly: mount.Readonly,
			ReadOnlyBelow: mount.RecursiveReadOnly, Propagation: propagations[mount.Propagation],
		})
	}
	return list, nil
}

var propagations = map[cri.MountPropagation]containers.Propagation{
	cri.MountPropagation_PROPAGATION_HOST_TO_CONTAINER: containers.Slave, cri.MountPropagation_PROPAGATION_BIDIRECTIONAL: containers.Shared,
}

// resources translates limits; what is zero is not limited, or not changed.
func resources(r *cri.LinuxContainerResources) containers.Resources {
	return containers.Resources{
		CPUShares: uint64(r.GetCpuShares()), CPUQuota: r.GetCpuQuota(), CPUPeriod: uint64(r.GetCpuPeriod()),
		MemoryLimit: r.GetMemoryLimitInBytes(), Unified: r.GetUnified(),
	}
}

// stopSignal is the name or number of the signal that asks the container to end: the pod's, or the image's, or SIGTERM.
func stopSignal(pod cri.Signal, image string) string {
	switch {
	case pod != cri.Signal_SIGNAL_RUNTIME_DEFAULT:
		return strings.TrimPrefix(pod.String(), "SIGNAL_")
	case image != "":
		return image
	}
	return "SIGTERM"
}

func notEmpty(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}
