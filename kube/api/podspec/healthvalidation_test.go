package podspec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestAProbeOfOneLineIsComplete(t *testing.T) {
	got := spec(t, `containers: [{name: web, image: nginx, livenessProbe: {httpGet: {port: http}}, readinessProbe: {grpc: {port: 80}},
  lifecycle: {preStop: {httpGet: {port: 80}}}}]`).Containers[0]
	want := &corev1.Probe{TimeoutSeconds: 1, PeriodSeconds: 10, SuccessThreshold: 1, FailureThreshold: 3}
	want.HTTPGet = &corev1.HTTPGetAction{Path: "/", Port: intstr.FromString("http"), Scheme: "HTTP"}
	if diff := cmp.Diff(want, got.LivenessProbe); diff != "" {
		t.Errorf("liveness (-want +got):\n%s", diff)
	}
	if service := got.ReadinessProbe.GRPC.Service; service == nil || *service != "" {
		t.Errorf("gRPC service: %v", service)
	}
	if hook := got.Lifecycle.PreStop.HTTPGet; hook.Path != "/" || hook.Scheme != "HTTP" {
		t.Errorf("hook: %+v", hook)
	}
}

// Each wrong probe and hook of a container, and the words in which kubectl tells of it.
func TestAWrongProbeOrHookIsRefusedInTheWordsOfKubernetes(t *testing.T) {
	const exec = `exec: {command: [ok]}`
	for text, want := range map[string][]string{
		`livenessProbe: {` + exec + `}, startupProbe: {` + exec + `}, readinessProbe: {` + exec + `, successThreshold: 3}`:        nil,
		`livenessProbe: {tcpSocket: {port: 80}}, readinessProbe: {httpGet: {port: 8080, httpHeaders: [{name: X-A, value: "1"}]}}`: nil,
		`lifecycle: {postStart: {sleep: {seconds: 0}}, preStop: {sleep: {seconds: 30}}}`:                                          nil,
		`lifecycle: {preStop: {tcpSocket: {port: 80}}}`:                                                                           nil,
		`livenessProbe: {}`:                                                            {`livenessProbe: Required value: must specify a handler type`},
		`readinessProbe: {exec: {command: []}}`:                                        {`readinessProbe.exec.command: Required value`},
		`startupProbe: {` + exec + `, tcpSocket: {port: 80}}`:                          {`startupProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`},
		`livenessProbe: {httpGet: {port: 0}}`:                                          {`livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive`},
		`livenessProbe: {httpGet: {port: the_web}}`:                                    {`livenessProbe.httpGet.port: Invalid value: "the_web": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)`},
		`livenessProbe: {tcpSocket: {port: 65536}}`:                                    {`livenessProbe.tcpSocket.port: Invalid value: 65536: must be between 1 and 65535, inclusive`},
		`livenessProbe: {grpc: {port: -1}}`:                                            {`livenessProbe.grpc.port: Invalid value: -1: must be between 1 and 65535, inclusive`},
		`livenessProbe: {grpc: {port: 80, mode: TLS}}`:                                 {`livenessProbe.grpc.mode: Forbidden: kubelab does not have this yet`},
		`livenessProbe: {httpGet: {port: 80, scheme: http}}`:                           {`livenessProbe.httpGet.scheme: Unsupported value: "http": supported values: "HTTP", "HTTPS"`},
		`livenessProbe: {httpGet: {port: 80, httpHeaders: [{name: "a b", value: x}]}}`: {`livenessProbe.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')`},
		`livenessProbe: {` + exec + `, successThreshold: 2}`:                           {`livenessProbe.successThreshold: Invalid value: 2: must be 1`},
		`startupProbe: {` + exec + `, successThreshold: 2}`:                            {`startupProbe.successThreshold: Invalid value: 2: must be 1`},
		`readinessProbe: {` + exec + `, terminationGracePeriodSeconds: 5}`:             {`readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes`},
		`livenessProbe: {` + exec + `, terminationGracePeriodSeconds: 0}`:              {`livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0`},
		`readinessProbe: {` + exec + `, periodSeconds: -1, initialDelaySeconds: -1}`:   {`readinessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0`, `readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0`},
		`readinessProbe: {` + exec + `, timeoutSeconds: -1, failureThreshold: -1}`:     {`readinessProbe.timeoutSeconds: Invalid value: -1: must be greater than or equal to 0`, `readinessProbe.failureThreshold: Invalid value: -1: must be greater than or equal to 0`},
		`lifecycle: {postStart: {}}`:                                                   {`lifecycle.postStart: Required value: must specify a handler type`},
		`lifecycle: {preStop: {` + exec + `, sleep: {seconds: 1}}}`:                    {`lifecycle.preStop.sleep: Forbidden: may not specify more than 1 handler type`},
		`lifecycle: {preStop: {sleep: {seconds: 31}}}`:                                 {`lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)`},
		`lifecycle: {preStop: {sleep: {seconds: -1}}}`:                                 {`lifecycle.preStop.sleep: Invalid value: -1: must be non-negative and less than terminationGracePeriodSeconds (30)`},
		`lifecycle: {stopSignal: SIGUSR1}`:                                             {"lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`"},
	} {
		for i, line := range want {
			want[i] = "spec.containers[0]." + line
		}
		if diff := cmp.Diff(want, problems(t, `containers: [{name: web, image: nginx, `+text+`}]`)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestOnlyASidecarAmongTheInitContainersHasProbesAndHooks(t *testing.T) {
	health := `livenessProbe: {exec: {command: [ok]}}, readinessProbe: {exec: {command: [ok]}}, startupProbe: {exec: {command: [ok]}}, lifecycle: {preStop: {sleep: {seconds: 1}}}`
	for restart, want := range map[string]int{"": 4, "restartPolicy: Always, ": 0} {
		s := spec(t, `{containers: [{name: web, image: nginx}], initContainers: [{name: first, image: nginx, `+restart+health+`}]}`)
		got := 0
		for _, c := range Members(s) {
			errs := validateHealth(c, s, nil)
			for _, err := range errs {
				if err.Detail != "may not be set for init containers without restartPolicy=Always" {
					t.Error(err)
				}
			}
			got += len(errs)
		}
		if got != want {
			t.Errorf("%q: %d errors, want %d", restart, got, want)
		}
	}
}

func TestAStopSignalIsOneOfLinuxAndNeedsAPodThatNamesItsSystem(t *testing.T) {
	for signal, good := range map[string]bool{
		"SIGUSR1": true, "SIGCLD": true, "SIGRTMIN": true, "SIGRTMIN+15": true, "SIGRTMAX-14": true, "SIGRTMAX": true,
		"SIGRTMIN+16": false, "SIGRTMAX-15": false, "SIGRTMIN+0": false, "USR1": false, "10": false, "": false,
	} {
		got := problems(t, `{os: {name: linux}, containers: [{name: web, image: nginx, lifecycle: {stopSignal: "`+signal+`"}}]}`)
		if good && got != nil || !good && (len(got) != 1 || !strings.HasPrefix(got[0], `spec.containers[0].lifecycle.stopSignal: Unsupported value: "`+signal+`": supported values: "SIGABRT", "SIGALRM", `)) {
			t.Errorf("%q: %v", signal, got)
		}
	}
	if len(stopSignals) != 65 {
		t.Errorf("there are %d signals, Kubernetes has 65", len(stopSignals))
	}
}

func TestWhatWasAddedToAPodThatRunsSeesVolumesWholeOrNotAtAll(t *testing.T) {
	for mount, want := range map[string][]string{
		`name: v, mountPath: /v`:                    nil,
		`name: v, mountPath: /v, subPath: a`:        {`spec.ephemeralContainers[0].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container`},
		`name: v, mountPath: /v, subPathExpr: $(A)`: {`spec.ephemeralContainers[0].volumeMounts[0].subPathExpr: Forbidden: cannot be set for an Ephemeral Container`},
	} {
		got := problems(t, `{volumes: [{name: v, emptyDir: {}}], containers: [{name: web, image: nginx}], ephemeralContainers: [{name: debug, image: busybox, volumeMounts: [{`+mount+`}]}]}`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mount, diff)
		}
	}
}
