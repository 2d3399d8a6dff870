package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/containers"
	"kubelab/kube/images"
)

func TestThePodsCommandReplacesTheImages(t *testing.T) {
	image := v1.Config{Entrypoint: []string{"/ep"}, Cmd: []string{"a"}}
	for name, test := range map[string]struct{ command, args, want []string }{
		"neither":     {nil, nil, []string{"/ep", "a"}},
		"command":     {[]string{"/c"}, nil, []string{"/c"}},
		"args":        {nil, []string{"b"}, []string{"/ep", "b"}},
		"one of each": {[]string{"/c"}, []string{"b"}, []string{"/c", "b"}},
	} {
		if diff := cmp.Diff(test.want, command(&cri.ContainerConfig{Command: test.command, Args: test.args}, image)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheUserIsThePodsOrTheImages(t *testing.T) {
	number := func(n int64) *cri.Int64Value { return &cri.Int64Value{Value: n} }
	for _, test := range []struct {
		security *cri.LinuxContainerSecurityContext
		image    string
		want     string
	}{
		{nil, "", ""},
		{nil, "app:staff", "app:staff"},
		{&cri.LinuxContainerSecurityContext{RunAsUser: number(1000)}, "app:staff", "1000"},
		{&cri.LinuxContainerSecurityContext{RunAsUser: number(0), RunAsGroup: number(50)}, "app", "0:50"},
		{&cri.LinuxContainerSecurityContext{RunAsUsername: "alice"}, "app", "alice"},
	} {
		if got := user(test.security, test.image); got != test.want {
			t.Errorf("user of %v on image user %q is %q, want %q", test.security, test.image, got, test.want)
		}
	}
}

func TestTheFilterOfSystemCallsIsTheDefaultOneUnlessAnotherIsNamed(t *testing.T) {
	for _, test := range []struct {
		profile *cri.SecurityProfile
		want    string
		good    bool
	}{
		{nil, containers.SeccompDefault, true},
		{&cri.SecurityProfile{}, containers.SeccompDefault, true},
		{&cri.SecurityProfile{ProfileType: cri.SecurityProfile_Unconfined}, containers.SeccompUnconfined, true},
		{&cri.SecurityProfile{ProfileType: cri.SecurityProfile_Localhost, LocalhostRef: "/kubelet/seccomp/a.json"}, "/kubelet/seccomp/a.json", true},
		{&cri.SecurityProfile{ProfileType: cri.SecurityProfile_Localhost, LocalhostRef: "unconfined"}, "", false},
		{&cri.SecurityProfile{ProfileType: cri.SecurityProfile_Localhost}, "", false},
	} {
		if got, err := seccomp(test.profile); got != test.want || (err == nil) != test.good {
			t.Errorf("%v is %q, %v", test.profile, got, err)
		}
	}
}

func TestAContainerIsThePodsWishOnTopOfItsImage(t *testing.T) {
	image := images.Image{Config: v1.Config{Cmd: []string{"run"}, Env: []string{"PATH=/bin", "A=image"}, WorkingDir: "/app"}}
	want := &cri.ContainerConfig{
		Envs: []*cri.KeyValue{{Key: "A", Value: []byte("pod")}}, LogPath: "web/0.log",
		Mounts: []*cri.Mount{{HostPath: "/data", ContainerPath: "/data", Readonly: true}, {HostPath: "/kubelet/hosts", ContainerPath: "/etc/hosts"}},
		Linux: &cri.LinuxContainerConfig{
			Resources:       &cri.LinuxContainerResources{MemoryLimitInBytes: 1 << 20, OomScoreAdj: 900, Unified: map[string]string{"memory.oom.group": "1"}},
			SecurityContext: &cri.LinuxContainerSecurityContext{ReadonlyRootfs: true},
		},
	}
	got, err := PlanContainer("id", want, &cri.PodSandboxConfig{LogDirectory: "/logs"}, image, []string{"/layer"}, PodMounts{"/s/resolv.conf", "/s/hostname", "/s/hosts"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(containers.Config{
		ID: "id", Layers: []string{"/layer"}, Args: []string{"run"}, Env: []string{"PATH=/bin", "A=pod"}, Cwd: "/app",
		Mounts: []containers.Mount{
			{Source: "/s/resolv.conf", Target: "/etc/resolv.conf", ReadOnly: true}, {Source: "/s/hostname", Target: "/etc/hostname", ReadOnly: true},
			{Source: "/data", Target: "/data", ReadOnly: true}, {Source: "/kubelet/hosts", Target: "/etc/hosts"},
		},
		Resources: containers.Resources{MemoryLimit: 1 << 20, Unified: map[string]string{"memory.oom.group": "1"}}, OOMScoreAdj: 900, ReadonlyRootfs: true,
		LogPath: "/logs/web/0.log",
	}, got); diff != "" {
		t.Errorf("container (-want +got):\n%s", diff)
	}
	for name, want := range map[string]*cri.ContainerConfig{
		"no command":                            {},
		"a device":                              {Command: []string{"a"}, Devices: []*cri.Device{{HostPath: "/dev/fuse"}}},
		"a mount that is read-only below alone": {Command: []string{"a"}, Mounts: []*cri.Mount{{HostPath: "/a", ContainerPath: "/a", RecursiveReadOnly: true}}},
		"a volume image":                        {Command: []string{"a"}, Mounts: []*cri.Mount{{Image: &cri.ImageSpec{Image: "a"}}}},
		"nobody's processes":                    {Command: []string{"a"}, Linux: &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_TARGET}}}},
	} {
		if _, err := PlanContainer("id", want, nil, images.Image{}, nil, PodMounts{}); err == nil {
			t.Errorf("a container with %s is planned", name)
		}
	}
}

func TestAContainerHasTheProcessesThatItAsksFor(t *testing.T) {
	pod := func(mode cri.NamespaceMode) *cri.PodSandboxConfig {
		return &cri.PodSandboxConfig{Linux: &cri.LinuxPodSandboxConfig{SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: &cri.NamespaceOption{Pid: mode}}}}
	}
	const own, shared, target, node = cri.NamespaceMode_CONTAINER, cri.NamespaceMode_POD, cri.NamespaceMode_TARGET, cri.NamespaceMode_NODE
	for name, test := range map[string]struct {
		pod     *cri.PodSandboxConfig
		options *cri.NamespaceOption
		want    string
		hostPID bool
		good    bool
	}{
		"its own":                      {pod(own), &cri.NamespaceOption{Pid: own}, "", false, true},
		"the pod's":                    {pod(shared), &cri.NamespaceOption{Pid: shared}, containers.PauseID, false, true},
		"another container's":          {pod(own), &cri.NamespaceOption{Pid: target, TargetId: "main"}, "main", false, true},
		"the machine's":                {pod(node), &cri.NamespaceOption{Pid: node}, "", true, true},
		"none in particular":           {pod(shared), nil, "", false, true}, // POD is the zero value, and nobody said it
		"a pod's that shares none":     {pod(own), &cri.NamespaceOption{Pid: shared}, "", false, false},
		"a pod's that says nothing":    {nil, &cri.NamespaceOption{Pid: shared}, "", false, false},
		"its own in a pod that shares": {pod(shared), &cri.NamespaceOption{Pid: own}, "", false, true},
	} {
		want := &cri.ContainerConfig{Command: []string{"a"}, Linux: &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{NamespaceOptions: test.options}}}
		got, err := PlanContainer("id", want, test.pod, images.Image{}, nil, PodMounts{})
		if (err == nil) != test.good || test.good && (got.ProcessesOf != test.want || got.HostPID != test.hostPID) {
			t.Errorf("%s: those of %q, of the machine %v, %v", name, got.ProcessesOf, got.HostPID, err)
		}
	}
}

func TestResolvConfIsThePodsOrTheNodes(t *testing.T) {
	dns := &cri.DNSConfig{Servers: []string{"10.96.0.10"}, Searches: []string{"shop.svc.cluster.local", "svc.cluster.local"}, Options: []string{"ndots:5"}}
	if diff := cmp.Diff("nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local\noptions ndots:5\n", ResolvConf(dns, "node")); diff != "" {
		t.Errorf("resolv.conf (-want +got):\n%s", diff)
	}
	if got := ResolvConf(nil, "node"); got != "node" {
		t.Errorf("a pod without DNS settings has %q", got)
	}
}

func TestASandboxThatCannotBeIsRefusedWithTheReason(t *testing.T) {
	meta := &cri.PodSandboxMetadata{Name: "web", Namespace: "shop", Uid: "1"}
	onNode := &cri.LinuxPodSandboxConfig{SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_CONTAINER}}}
	shared := &cri.LinuxPodSandboxConfig{SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: &cri.NamespaceOption{Pid: cri.NamespaceMode_POD}}}
	setting := func(on *cri.NamespaceOption, name string) *cri.PodSandboxConfig {
		return &cri.PodSandboxConfig{Metadata: meta, Linux: &cri.LinuxPodSandboxConfig{
			Sysctls: map[string]string{name: "1"}, SecurityContext: &cri.LinuxSandboxSecurityContext{NamespaceOptions: on}}}
	}
	alone, withNode := &cri.NamespaceOption{}, &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Ipc: cri.NamespaceMode_NODE}
	alone.Pid, withNode.Pid = cri.NamespaceMode_CONTAINER, cri.NamespaceMode_CONTAINER
	for name, test := range map[string]struct {
		config  *cri.PodSandboxConfig
		handler string
		good    bool
	}{
		"a parameter of its network":          {setting(alone, "net.core.somaxconn"), "", true},
		"a parameter of the node's network":   {setting(withNode, "net.core.somaxconn"), "", false},
		"a parameter of its IPC namespace":    {setting(alone, "kernel.msgmax"), "", true},
		"a parameter of the node's IPC":       {setting(withNode, "kernel.msgmax"), "", false},
		"a parameter of the machine":          {setting(alone, "kernel.panic"), "", false},
		"a parameter that is a way out":       {setting(alone, "net/../kernel/panic"), "", false},
		"complete":                            {&cri.PodSandboxConfig{Metadata: meta, Hostname: "web"}, "", true},
		"on the node's network, no hostname":  {&cri.PodSandboxConfig{Metadata: meta, Linux: onNode}, "", true},
		"nothing":                             {nil, "", false},
		"network of its own, but no hostname": {&cri.PodSandboxConfig{Metadata: meta}, "", true},
		"a port of the host":                  {&cri.PodSandboxConfig{Metadata: meta, PortMappings: []*cri.PortMapping{{ContainerPort: 80, HostPort: 8080}}}, "", false},
		"a port of the host whose network it has": {&cri.PodSandboxConfig{
			Metadata: meta, Linux: onNode, PortMappings: []*cri.PortMapping{{ContainerPort: 80, HostPort: 80}}}, "", true},
		"a handler that there is not":          {&cri.PodSandboxConfig{Metadata: meta, Hostname: "web"}, "gvisor", false},
		"processes that all containers see":    {&cri.PodSandboxConfig{Metadata: meta, Hostname: "web", Linux: shared}, "", true},
		"a log directory relative to nowhere":  {&cri.PodSandboxConfig{Metadata: meta, Hostname: "web", LogDirectory: "logs"}, "", false},
		"a pod whose namespace is not told us": {&cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: "web", Uid: "1"}, Hostname: "web"}, "", false},
	} {
		if err := CheckSandbox(test.config, test.handler); (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
