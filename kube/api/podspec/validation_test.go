package podspec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// spec reads a pod's spec as a person writes it, and fills in the defaults.
func spec(t *testing.T, text string) *corev1.PodSpec {
	t.Helper()
	var s corev1.PodSpec
	if err := yaml.UnmarshalStrict([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	Default(&s)
	return &s
}

func problems(t *testing.T, text string) []string {
	t.Helper()
	var messages []string
	for _, err := range Validate(spec(t, text), field.NewPath("spec")) {
		messages = append(messages, err.Error())
	}
	return messages
}

func TestAPodOfOneLineIsComplete(t *testing.T) {
	const text = `containers: [{name: main, image: nginx}]`
	if got := problems(t, text); got != nil {
		t.Errorf("problems: %v", got)
	}
	want := &corev1.PodSpec{
		RestartPolicy: "Always", DNSPolicy: "ClusterFirst", SchedulerName: "default-scheduler",
		TerminationGracePeriodSeconds: new(int64(30)), SecurityContext: &corev1.PodSecurityContext{},
		Containers: []corev1.Container{{
			Name: "main", Image: "nginx", ImagePullPolicy: "IfNotPresent",
			TerminationMessagePath: "/dev/termination-log", TerminationMessagePolicy: "File",
		}},
	}
	if diff := cmp.Diff(want, spec(t, text)); diff != "" {
		t.Errorf("after defaulting (-want +got):\n%s", diff)
	}
}

func TestTheOldNameOfTheServiceAccountStillWorks(t *testing.T) {
	if got := spec(t, `{containers: [{name: a, image: a}], serviceAccount: web}`); got.ServiceAccountName != "web" {
		t.Errorf("serviceAccountName is %q", got.ServiceAccountName)
	}
}

// Each wrong pod, and the words in which kubectl tells of it.
func TestAWrongPodIsRefusedInTheWordsOfKubernetes(t *testing.T) {
	const c = `name: main, image: nginx`
	for name, test := range map[string]struct{ text, want string }{
		"a seccomp profile of elsewhere": {`{containers: [{` + c + `, securityContext: {seccompProfile: {type: Localhost, localhostProfile: ../a.json}}}]}`,
			`spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: "../a.json": must not contain '..'`},
		"a kernel parameter": {`{securityContext: {sysctls: [{name: net..a, value: "1"}]}, containers: [{` + c + `}]}`,
			`spec.securityContext.sysctls[0].name: Invalid value: "net..a": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`},
		"both": {`{hostPID: true, shareProcessNamespace: true, containers: [{` + c + `}]}`,
			`spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled`},
		"a nameless one":      {`{securityContext: {sysctls: [{value: "1"}]}, containers: [{` + c + `}]}`, `spec.securityContext.sysctls[0].name: Required value`},
		"one of two ways":     {`{securityContext: {sysctls: [{name: net.ipv4.tcp_rmem, value: "1"}, {name: net/ipv4/tcp_rmem, value: "2"}]}, containers: [{` + c + `}]}`, `spec.securityContext.sysctls[1].name: Duplicate value: "net/ipv4/tcp_rmem"`},
		"the node's net":      {`{hostNetwork: true, securityContext: {sysctls: [{name: net/ipv4/tcp_rmem, value: "1"}]}, containers: [{` + c + `}]}`, `spec.securityContext.sysctls[0].name: Invalid value: "net/ipv4/tcp_rmem": may not be specified when 'hostNetwork' is true`},
		"the node's IPC":      {`{hostIPC: true, securityContext: {sysctls: [{name: kernel.sem, value: "1"}]}, containers: [{` + c + `}]}`, `spec.securityContext.sysctls[0].name: Invalid value: "kernel.sem": may not be specified when 'hostIPC' is true`},
		"a preemption policy": {`{preemptionPolicy: Nonsense, containers: [{` + c + `}]}`, `spec.preemptionPolicy: Unsupported value: "Nonsense": supported values: "Never", "PreemptLowerPriority"`},
		"a divisor of a processor": {`containers: [{` + c + `, env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: "-1"}}}]}]`,
			`spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`},
		"a divisor of memory": {`containers: [{` + c + `, env: [{name: A, valueFrom: {resourceFieldRef: {resource: requests.memory, divisor: "3"}}}]}]`,
			`spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "requests.memory": only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi and 1Ei are supported with the memory resource`},
		"a limit of storage": {`containers: [{` + c + `, env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.ephemeral-storage}}}]}]`,
			`spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: Forbidden: kubelab does not have this yet`},
		"no container":       {`{}`, `spec.containers: Required value`},
		"no image":           {`containers: [{name: main}]`, `spec.containers[0].image: Required value`},
		"no name":            {`containers: [{image: nginx}]`, `spec.containers[0].name: Required value`},
		"a blank in image":   {`containers: [{name: main, image: "nginx "}]`, `spec.containers[0].image: Invalid value: "nginx ": must not have leading or trailing whitespace`},
		"the same name":      {`containers: [{` + c + `}, {` + c + `}]`, `spec.containers[1].name: Duplicate value: "main"`},
		"a restart policy":   {`{restartPolicy: Sometimes, containers: [{` + c + `}]}`, `spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"`},
		"a pull policy":      {`containers: [{` + c + `, imagePullPolicy: Often}]`, `spec.containers[0].imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"`},
		"a negative grace":   {`{terminationGracePeriodSeconds: -1, containers: [{` + c + `}]}`, `spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0`},
		"a deadline of zero": {`{activeDeadlineSeconds: 0, containers: [{` + c + `}]}`, `spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive`},
		"a port too high":    {`containers: [{` + c + `, ports: [{containerPort: 65536}]}]`, `spec.containers[0].ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive`},
		"no port":            {`containers: [{` + c + `, ports: [{name: http}]}]`, `spec.containers[0].ports[0].containerPort: Required value`},
		"the same port name": {`containers: [{` + c + `, ports: [{name: http, containerPort: 80}, {name: http, containerPort: 81}]}]`, `spec.containers[0].ports[1].name: Duplicate value: "http"`},
		"a protocol":         {`containers: [{` + c + `, ports: [{containerPort: 80, protocol: tcp}]}]`, `spec.containers[0].ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"`},
		"a host's port":      {`{hostNetwork: true, containers: [{` + c + `, ports: [{containerPort: 80, hostPort: 81}]}]}`, "spec.containers[0].ports[0].containerPort: Invalid value: 80: must match `hostPort` when `hostNetwork` is true"},
		"the same host port": {`{hostNetwork: true, containers: [{` + c + `, ports: [{containerPort: 80, hostPort: 80}]}, {name: b, image: b, ports: [{containerPort: 80, hostPort: 80}]}]}`, `spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"`},
		"a variable":         {`containers: [{` + c + `, env: [{name: "A=B"}]}]`, `spec.containers[0].env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than '='`},
		"two values":         {`containers: [{` + c + `, env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}]`, "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty"},
		"no key":             {`containers: [{` + c + `, env: [{name: A, valueFrom: {secretKeyRef: {name: s}}}]}]`, `spec.containers[0].env[0].valueFrom.secretKeyRef.key: Required value`},
		"a request too high": {`containers: [{` + c + `, resources: {limits: {cpu: 100m}, requests: {cpu: "1"}}}]`, `spec.containers[0].resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 100m`},
		"less than nothing":  {`containers: [{` + c + `, resources: {limits: {memory: "-1"}}}]`, `spec.containers[0].resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0`},
		"an odd resource":    {`containers: [{` + c + `, resources: {limits: {fuel: "1"}}}]`, `spec.containers[0].resources.limits[fuel]: Invalid value: "fuel": must be a standard resource for containers`},
		"a limit of disk":    {`containers: [{` + c + `, resources: {limits: {ephemeral-storage: 1Gi}}}]`, `spec.containers[0].resources.limits[ephemeral-storage]: Forbidden: kubelab does not have this yet`},
		"half a device":      {`containers: [{` + c + `, resources: {limits: {example.com/gpu: 500m}}}]`, `spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer`},
		"tolerating nothing": {`{tolerations: [{operator: Equal}], containers: [{` + c + `}]}`, "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\""},
		"tolerating a while": {`{tolerations: [{key: a, operator: Exists, tolerationSeconds: 5}], containers: [{` + c + `}]}`, "spec.tolerations[0].effect: Invalid value: \"\": effect must be 'NoExecute' when `tolerationSeconds` is set"},
		"a weight":           {`{affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 101, podAffinityTerm: {topologyKey: zone}}]}}, containers: [{` + c + `}]}`, `spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100`},
		"no topology":        {`{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{}]}}, containers: [{` + c + `}]}`, `spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty`},
		"an operator":        {`{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Is}]}]}}}, containers: [{` + c + `}]}`, `spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator`},
		"no skew":            {`{topologySpreadConstraints: [{topologyKey: zone, whenUnsatisfiable: DoNotSchedule}], containers: [{` + c + `}]}`, `spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero`},
		"no nameserver":      {`{dnsPolicy: None, containers: [{` + c + `}]}`, "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None"},
		"privileged or not":  {`containers: [{` + c + `, securityContext: {privileged: true, allowPrivilegeEscalation: false}}]`, "spec.containers[0].securityContext: Invalid value: {\"privileged\":true,\"allowPrivilegeEscalation\":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true"},
		"rules of its own":   {`containers: [{` + c + `, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}]}]`, `spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used`},
		"a rule's action":    {`containers: [{` + c + `, restartPolicy: Never, restartPolicyRules: [{action: Stop, exitCodes: {operator: In, values: [1]}}]}]`, `spec.containers[0].restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", "RestartAllContainers"`},
		"to restart all":     {`containers: [{` + c + `, restartPolicy: Never, restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: In, values: [1]}}]}]`, `spec.containers[0].restartPolicyRules[0].action: Forbidden: kubelab does not have this yet`},
		"a rule's operator":  {`containers: [{` + c + `, restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {values: [1]}}]}]`, `spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "": supported values: "In", "NotIn"`},
		"an init's policy":   {`{initContainers: [{name: a, image: a, restartPolicy: Often}], containers: [{` + c + `}]}`, `spec.initContainers[0].restartPolicy: Unsupported value: "Often": supported values: "Always", "Never", "OnFailure"`},
		"a sidecar's port":   {`{hostNetwork: true, initContainers: [{name: a, image: a, ports: [{containerPort: 80, hostPort: 80}]}, {name: b, image: b, restartPolicy: Always, ports: [{containerPort: 80, hostPort: 80}]}], containers: [{` + c + `, ports: [{containerPort: 80, hostPort: 80}]}]}`, `spec.containers[0].ports[0].hostPort: Duplicate value: "TCP//80"`},
		"a name and more":    {`{hostnameOverride: a.b, hostNetwork: true, containers: [{` + c + `}]}`, "spec.hostnameOverride: Forbidden: may not be set when `hostNetwork` is true"},
		"no address":         {`{hostAliases: [{ip: here, hostnames: [a]}], containers: [{` + c + `}]}`, `spec.hostAliases[0].ip: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)`},
		"an alias":           {`{hostAliases: [{ip: 10.0.0.1, hostnames: [A]}], containers: [{` + c + `}]}`, `spec.hostAliases[0].hostnames[0]: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`},
		"a gate twice":       {`{schedulingGates: [{name: a}, {name: a}], containers: [{` + c + `}]}`, `spec.schedulingGates[1]: Duplicate value: "a"`},
		"a node and a gate":  {`{schedulingGates: [{name: a}], nodeName: n1, containers: [{` + c + `}]}`, `spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared`},
		"a host name":        {`{hostname: Web, containers: [{` + c + `}]}`, `spec.hostname: Invalid value: "Web": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff([]string{test.want}, problems(t, test.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatTheClusterCannotDoIsRefusedAndNotIgnored(t *testing.T) {
	for _, list := range [][]string{names(missingFromPods), names(missingFromPodSecurity), names(missingFromContainers), names(missingFromContainerSecurity)} {
		if len(list) == 0 {
			t.Error("a list is empty: strike it")
		}
	}
	got := problems(t, `{runtimeClassName: gvisor, containers: [{name: main, image: nginx, resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]}]}`)
	want := []string{
		"spec.runtimeClassName: Forbidden: kubelab does not have this yet",
		"spec.containers[0].resizePolicy: Forbidden: kubelab does not have this yet",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func names[T any](list []missing[T]) []string {
	var fields []string
	for _, m := range list {
		fields = append(fields, m.field)
	}
	return fields
}

func TestAContainerCanReadItsOwnPod(t *testing.T) {
	for path, right := range map[string]bool{
		"metadata.name": true, "metadata.labels['app']": true, "metadata.annotations['Example.com/Note']": true, "status.podIP": true,
		"metadata.labels": false, "spec.containers": false, "metadata.name['app']": false, "metadata.labels['a b']": false,
	} {
		got := problems(t, `containers: [{name: main, image: nginx, env: [{name: A, valueFrom: {fieldRef: {fieldPath: "`+path+`"}}}]}]`)
		if (got == nil) != right {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestATaintEffectIsOneOfThree(t *testing.T) {
	if got := ValidateTaintEffect("NoEntry", field.NewPath("effect")); len(got) != 1 {
		t.Errorf("problems: %v", got)
	}
}
