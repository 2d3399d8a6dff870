package cri

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/utils/ptr"

	"kubelab/kube/containers"
)

var labNode = Node{
	Name: "node-1", IP: "172.30.0.11", Runtime: "kubelab", CPU: 2000, Memory: 4 << 30, Root: "/var/lib/kubelet", CgroupRoot: "/kubelab/c1/node-1",
	DNS: "10.96.0.10", Domain: "cluster.local", Resolver: Resolver{Servers: []string{"9.9.9.9"}, Searches: []string{"example.org"}},
}

func list(cpu, memory string) corev1.ResourceList {
	l := corev1.ResourceList{}
	if cpu != "" {
		l[corev1.ResourceCPU] = resource.MustParse(cpu)
	}
	if memory != "" {
		l[corev1.ResourceMemory] = resource.MustParse(memory)
	}
	return l
}

func TestARequestIsAWeightAndALimitIsAWall(t *testing.T) {
	for _, c := range []struct{ requests, limits, want string }{
		{"", "", "shares 2, quota 0/0, memory 0"},
		{"250m", "", "shares 256, quota 0/0, memory 0"},
		{"", "500m", "shares 512, quota 50000/100000, memory 0"},
		{"1m", "1m", "shares 2, quota 1000/100000, memory 0"},
	} {
		r := linuxResources(list(c.requests, ""), list(c.limits, ""))
		check(t, fmt.Sprintf("requests %s, limits %s", c.requests, c.limits),
			fmt.Sprintf("shares %d, quota %d/%d, memory %d", r.CpuShares, r.CpuQuota, r.CpuPeriod, r.MemoryLimitInBytes), c.want)
	}
	check(t, "memory", fmt.Sprint(linuxResources(nil, list("", "64Mi")).MemoryLimitInBytes), fmt.Sprint(64<<20))
}

func TestAPodIsLimitedOnlyIfEveryContainerIs(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "a", "b")
	pod.Spec.Containers[0].Resources = corev1.ResourceRequirements{Requests: list("100m", "1Gi"), Limits: list("200m", "1Gi")}
	r := podResources(pod)
	check(t, "b is not", fmt.Sprint(r.CpuShares, r.CpuQuota, r.MemoryLimitInBytes), "102 0 0")
	pod.Spec.Containers[1].Resources = corev1.ResourceRequirements{Requests: list("200m", "1Gi"), Limits: list("200m", "1Gi")}
	r = podResources(pod)
	check(t, "both are", fmt.Sprint(r.CpuShares, r.CpuQuota, r.MemoryLimitInBytes), fmt.Sprint(307, 40000, 2<<30))
}

func TestAPodsCgroupHoldsItsContainersWhatComesBeforeThemAndTheOverhead(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "a", "b")
	for i := range pod.Spec.Containers {
		pod.Spec.Containers[i].Resources = corev1.ResourceRequirements{Requests: list("100m", "1Gi"), Limits: list("200m", "1Gi")}
	}
	pod.Spec.Overhead = list("50m", "1Mi")
	limits := PodLimits(pod)
	check(t, "sum and overhead", fmt.Sprint(limits.CPUShares, limits.CPUQuota, limits.MemoryLimit, limits.PidsLimit), fmt.Sprint(256, 45000, 2<<30+1<<20, 4096))
	pod.Spec.InitContainers = []corev1.Container{{Name: "first", Resources: corev1.ResourceRequirements{Requests: list("1", "1Gi"), Limits: list("2", "1Gi")}}}
	limits = PodLimits(pod)
	check(t, "an init container needs more CPU", fmt.Sprint(limits.CPUShares, limits.CPUQuota, limits.MemoryLimit), fmt.Sprint(1075, 205000, 2<<30+1<<20))
	pod.Spec.InitContainers[0].Resources.Limits = nil
	limits = PodLimits(pod)
	check(t, "an init container has no limit", fmt.Sprint(limits.CPUQuota, limits.MemoryLimit), "0 0")
}

func TestBurstablePodsWeighWhatTheyAskForAndTheOthersNextToNothing(t *testing.T) {
	asks := func(cpu string) *corev1.Pod {
		pod := podOf(corev1.RestartPolicyAlways, "web")
		pod.Spec.Containers[0].Resources.Requests = list(cpu, "")
		return pod
	}
	over := asks("4")
	over.Status.Phase = corev1.PodSucceeded
	all := []*corev1.Pod{asks("250m"), asks("500m"), over, podOf(corev1.RestartPolicyAlways, "idle")}
	check(t, "burstable", fmt.Sprint(ClassLimits(corev1.PodQOSBurstable, all).CPUShares), "768")
	check(t, "best effort", fmt.Sprint(ClassLimits(corev1.PodQOSBestEffort, all).CPUShares), "2")
}

func TestWhereTheKernelCanAContainerOverItsMemoryEndsAsAWhole(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	for v2, want := range map[bool]string{true: "map[memory.oom.group:1]", false: "map[]"} {
		node := labNode
		node.CgroupV2 = v2
		config := ContainerConfig(pod, &pod.Spec.Containers[0], Attempt{}, Process{}, node)
		check(t, fmt.Sprint("cgroup v2: ", v2), fmt.Sprint(config.Linux.Resources.Unified), want)
	}
}

func TestQualityOfServiceDecidesWhoDiesFirst(t *testing.T) {
	for _, c := range []struct {
		resources      corev1.ResourceRequirements
		score          int64
		cgroupInParent string
	}{
		{corev1.ResourceRequirements{}, 1000, "/pods/besteffort/podu1"},
		{corev1.ResourceRequirements{Requests: list("", "1Gi")}, 750, "/pods/burstable/podu1"},
		{corev1.ResourceRequirements{Requests: list("1", "")}, 999, "/pods/burstable/podu1"},
		{corev1.ResourceRequirements{Requests: list("", "4Gi")}, 3, "/pods/burstable/podu1"},
		{corev1.ResourceRequirements{Requests: list("1", "1Gi"), Limits: list("1", "1Gi")}, -997, "/pods/podu1"},
	} {
		pod := podOf(corev1.RestartPolicyAlways, "web")
		pod.Spec.Containers[0].Resources = c.resources
		check(t, "score", fmt.Sprint(oomScore(pod, &pod.Spec.Containers[0], labNode.Memory)), fmt.Sprint(c.score))
		check(t, "cgroup", CgroupParent(labNode.CgroupRoot, pod), labNode.CgroupRoot+c.cgroupInParent)
	}
}

func TestNamesAreLookedUpAsTheDNSPolicySays(t *testing.T) {
	for _, c := range []struct {
		policy      corev1.DNSPolicy
		hostNetwork bool
		config      *corev1.PodDNSConfig
		want        string
	}{
		{corev1.DNSClusterFirst, false, nil,
			"[10.96.0.10] [shop.svc.cluster.local svc.cluster.local cluster.local example.org] [ndots:5]"},
		{corev1.DNSClusterFirst, true, nil, "[9.9.9.9] [example.org] []"},
		{corev1.DNSClusterFirstWithHostNet, true, nil,
			"[10.96.0.10] [shop.svc.cluster.local svc.cluster.local cluster.local example.org] [ndots:5]"},
		{corev1.DNSDefault, false, nil, "[9.9.9.9] [example.org] []"},
		{corev1.DNSNone, false, &corev1.PodDNSConfig{Nameservers: []string{"1.1.1.1"}}, "[1.1.1.1] [] []"},
		{corev1.DNSClusterFirst, false, &corev1.PodDNSConfig{
			Searches: []string{"a.b", "cluster.local"}, Options: []corev1.PodDNSConfigOption{{Name: "ndots", Value: new("2")}, {Name: "edns0"}}},
			"[10.96.0.10] [shop.svc.cluster.local svc.cluster.local cluster.local example.org a.b] [ndots:2 edns0]"},
	} {
		pod := podOf(corev1.RestartPolicyAlways, "web")
		pod.Spec.DNSPolicy, pod.Spec.HostNetwork, pod.Spec.DNSConfig = c.policy, c.hostNetwork, c.config
		dns := dnsConfig(pod, labNode)
		check(t, string(c.policy), fmt.Sprint(dns.Servers, dns.Searches, dns.Options), c.want)
	}
}

func TestAPodKnowsItsOwnName(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	lastLines := func() string {
		file := HostsFile(pod, labNode, []string{"10.244.1.2"})
		_, after, _ := strings.Cut(file, "ip6-allrouters\n")
		return after
	}
	check(t, "hosts", lastLines(), "10.244.1.2\tweb-1\n")
	pod.Spec.Hostname, pod.Spec.Subdomain = "db-0", "db"
	check(t, "in a subdomain", lastLines(), "10.244.1.2\tdb-0.db.shop.svc.cluster.local\tdb-0\n")
	pod.Spec = corev1.PodSpec{HostNetwork: true}
	check(t, "on the node's network", lastLines(), "172.30.0.11\tnode-1\n")
	pod = podOf(corev1.RestartPolicyAlways, "web")
	pod.Name = strings.Repeat("a", 62) + "-b"
	check(t, "a long name is cut", hostname(pod), strings.Repeat("a", 62))
}

func TestTheRuntimeIsToldWhoseContainerItIs(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	c := &pod.Spec.Containers[0]
	c.Command, c.Args, c.TerminationMessagePath = []string{"serve"}, []string{"--port=$(PORT)"}, "/dev/termination-log"
	c.Env = []corev1.EnvVar{{Name: "PORT", Value: "80"}}
	process, err := ProcessOf(pod, c, Sources{})
	if err != nil {
		t.Fatal(err)
	}
	config := ContainerConfig(pod, c, Attempt{Number: 2, Streak: 1, Image: "sha256:web"}, process, labNode)
	got := fmt.Sprintf("%s %d\n%v\n%v\n%s\n%v %v\n%s=%s", config.Metadata.Name, config.Metadata.Attempt, config.Labels, config.Annotations,
		config.LogPath, config.Command, config.Args, config.Envs[0].Key, config.Envs[0].Value)
	check(t, "config", got, `web 2
map[io.kubernetes.container.name:web io.kubernetes.pod.name:web-1 io.kubernetes.pod.namespace:shop io.kubernetes.pod.uid:u1]
map[kubelab.io/image:web:1 kubelab.io/restarts-in-a-row:1 kubelab.io/termination-message-policy:]
web/2.log
[serve] [--port=80]
PORT=80`)
	var mounts []string
	for _, m := range config.Mounts {
		mounts = append(mounts, m.HostPath+" at "+m.ContainerPath)
	}
	check(t, "mounts", strings.Join(mounts, "\n"), `/var/lib/kubelet/pods/u1/etc-hosts at /etc/hosts
/var/lib/kubelet/pods/u1/containers/web/2 at /dev/termination-log`)
	check(t, "log", labNode.LogPath(pod, "web", 2), "/var/lib/kubelet/logs/shop_web-1_u1/web/2.log")
}

func TestTheContainersWordGoesBeforeThePods(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{
		RunAsUser: new(int64(1)), RunAsGroup: new(int64(2)), SupplementalGroups: []int64{3},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	c := &pod.Spec.Containers[0]
	c.SecurityContext = &corev1.SecurityContext{RunAsUser: new(int64(10)), AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true),
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: []corev1.Capability{"NET_ADMIN"}}}
	s := securityContext(pod, c, labNode)
	check(t, "context", fmt.Sprint(s.RunAsUser.Value, s.RunAsGroup.Value, s.SupplementalGroups, s.NoNewPrivs, s.ReadonlyRootfs, s.Seccomp.ProfileType,
		s.Capabilities.DropCapabilities, s.Capabilities.AddCapabilities), "10 2 [3] true true RuntimeDefault [ALL] [NET_ADMIN]")
	if diff := cmp.Diff(containers.DefaultMaskedPaths, s.MaskedPaths); diff != "" {
		t.Error(diff)
	}
	check(t, "nothing said", seccompOf(&corev1.Pod{}, nil), "RuntimeDefault ")
	pod.Spec.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}
	check(t, "the pod's", seccompOf(pod, nil), "Unconfined ")
	own := &corev1.SecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: new("a/b.json")}}
	check(t, "the container's", seccompOf(pod, own), "Localhost /var/lib/kubelet/seccomp/a/b.json")
	own.Privileged = new(true)
	check(t, "a privileged one has none", seccompOf(pod, own), "Unconfined ")
	c.SecurityContext = &corev1.SecurityContext{Privileged: new(true)}
	if s := securityContext(pod, c, labNode); !s.Privileged || s.MaskedPaths != nil {
		t.Errorf("a privileged container sees %v masked", s.MaskedPaths)
	}
}

func seccompOf(pod *corev1.Pod, own *corev1.SecurityContext) string {
	profile := seccomp(own, pod, labNode)
	return fmt.Sprint(profile.ProfileType, " ", profile.LocalhostRef)
}

func TestAnImageThatRunsAsRootIsRefusedWhereThatIsNotWanted(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: new(true)}
	c := &pod.Spec.Containers[0]
	who := ` (pod: "web-1_shop(u1)", container: web)`
	for _, test := range []struct {
		image ImageUser
		user  *int64
		want  string
	}{
		{ImageUser{}, nil, "container has runAsNonRoot and image will run as root" + who},
		{ImageUser{UID: new(int64(0))}, nil, "container has runAsNonRoot and image will run as root" + who},
		{ImageUser{User: "app"}, nil, "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root" + who},
		{ImageUser{UID: new(int64(5))}, nil, "<nil>"},
		{ImageUser{}, new(int64(5)), "<nil>"},
		{ImageUser{UID: new(int64(5))}, new(int64(0)), "container's runAsUser breaks non-root policy" + who},
	} {
		c.SecurityContext = &corev1.SecurityContext{RunAsUser: test.user}
		check(t, fmt.Sprintf("%+v", test.image), fmt.Sprint(CheckUser(pod, c, test.image)), test.want)
	}
}

func TestASandboxSharesWhatThePodShares(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Labels = map[string]string{"app": "web"}
	config := SandboxConfig(pod, 1, labNode)
	check(t, "config", fmt.Sprint(config.Metadata.Name, " ", config.Metadata.Attempt, " ", config.Hostname, " ", config.LogDirectory, " ", config.Labels["app"], " ", config.Labels[LabelUID]),
		"web-1 1 web-1 /var/lib/kubelet/logs/shop_web-1_u1 web u1")
	pod.Spec.HostNetwork = true
	options := SandboxConfig(pod, 1, labNode).Linux.SecurityContext.NamespaceOptions
	if options.Network != runtimeapi.NamespaceMode_NODE || options.Pid != runtimeapi.NamespaceMode_CONTAINER || options.Ipc != runtimeapi.NamespaceMode_POD {
		t.Errorf("namespaces: %v", options)
	}
}

func TestAGroupThatStandsAloneGoesWithTheImagesUser(t *testing.T) {
	for want, image := range map[string]ImageUser{"7 ": {UID: ptr.To(int64(7))}, "0 alice": {User: "alice"}, "0 ": {}} {
		context := &runtimeapi.LinuxContainerSecurityContext{RunAsGroup: &runtimeapi.Int64Value{Value: 50}}
		NameUser(context, image)
		check(t, fmt.Sprintf("%+v", image), fmt.Sprint(context.GetRunAsUser().GetValue(), " ", context.RunAsUsername), want)
	}
}

func TestAnEphemeralContainerSharesTheProcessesOfItsTarget(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "debug")
	options := ContainerConfig(pod, &pod.Spec.Containers[0], Attempt{Target: "main-0"}, Process{}, labNode).Linux.SecurityContext.NamespaceOptions
	check(t, "namespaces", fmt.Sprint(options.Pid, " ", options.TargetId), "TARGET main-0")
	pod.Spec.ShareProcessNamespace = new(true)
	options = ContainerConfig(pod, &pod.Spec.Containers[0], Attempt{Target: "main-0"}, Process{}, labNode).Linux.SecurityContext.NamespaceOptions
	check(t, "where all share theirs", fmt.Sprint(options.Pid, " ", options.TargetId), "POD ")
	check(t, "the sandbox", fmt.Sprint(SandboxConfig(pod, 0, labNode).Linux.SecurityContext.NamespaceOptions.Pid), "POD")
	pod.Spec.ShareProcessNamespace = nil
	pod.Spec.HostPID, pod.Spec.HostIPC = true, true
	options = ContainerConfig(pod, &pod.Spec.Containers[0], Attempt{}, Process{}, labNode).Linux.SecurityContext.NamespaceOptions
	check(t, "of the node", fmt.Sprint(options.Pid, " ", options.Ipc), "NODE NODE")
}

func TestWhatAPodCallsItself(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "main")
	pod.Spec.Hostname, pod.Spec.Subdomain = "db-0", "db"
	check(t, "a name in a subdomain", SandboxConfig(pod, 0, labNode).Hostname, "db-0")
	pod.Spec.SetHostnameAsFQDN = new(true)
	check(t, "all of it", SandboxConfig(pod, 0, labNode).Hostname, "db-0.db.shop.svc."+labNode.Domain)
	pod.Spec.HostAliases = []corev1.HostAlias{{IP: "10.0.0.1", Hostnames: []string{"old", "older"}}}
	if file := HostsFile(pod, labNode, []string{"10.244.1.2"}); !strings.HasSuffix(file,
		"10.244.1.2\tdb-0.db.shop.svc."+labNode.Domain+"\tdb-0\n\n# Entries added by HostAliases.\n10.0.0.1\told\tolder\n") {
		t.Errorf("the hosts are\n%s", file)
	}
	pod.Spec.HostnameOverride = new("other.example.com")
	check(t, "another name", SandboxConfig(pod, 0, labNode).Hostname, "other.example.com")
}

func TestAPartOfAVolumeIsNamedByVariablesThatHaveAValue(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	for expr, want := range map[string]string{
		"logs/$(NAME)/$$(NAME)": "[logs/web-1/$(NAME) plain] <nil>", "$(NONE)/$(NAME)": `[] missing value for "NONE"`,
		strings.Repeat("$(NAME)", 900): fmt.Sprintf(`[] subPathExpr %q comes to more than 4096 bytes`, strings.Repeat("$(NAME)", 900)),
	} {
		pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "NAME", Value: "web-1"}}
		pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{SubPathExpr: expr}, {SubPath: "plain"}}
		process, err := ProcessOf(pod, &pod.Spec.Containers[0], Sources{})
		check(t, expr, fmt.Sprint(process.SubPaths, err), want)
	}
}

func TestKernelParametersAreToldToTheRuntimeByTheirNamesWithDots(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "main")
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{Sysctls: []corev1.Sysctl{
		{Name: "net.ipv4.tcp_syncookies", Value: "1"}, {Name: "kernel/shm_rmid_forced", Value: "0"}}}
	want := map[string]string{"net.ipv4.tcp_syncookies": "1", "kernel.shm_rmid_forced": "0"}
	if diff := cmp.Diff(want, SandboxConfig(pod, 0, labNode).Linux.Sysctls); diff != "" {
		t.Error(diff)
	}
}
