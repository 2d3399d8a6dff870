package podkind

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// running is a pod whose only container runs.
func running(t *testing.T, spec string) *corev1.Pod {
	t.Helper()
	pod, err := created(t, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	pod.Status.Phase, pod.Status.HostIP, pod.Status.HostIPs = corev1.PodRunning, "172.30.0.3", []corev1.HostIP{{IP: "172.30.0.3"}}
	pod.Status.PodIP, pod.Status.PodIPs = "10.244.0.5", []corev1.PodIP{{IP: "10.244.0.5"}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	return pod
}

func endedWith(code int32) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}
}

func TestAStatusIsHeldAgainstWhatOneCanBe(t *testing.T) {
	ips := func(ips ...string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.PodIP, p.Status.PodIPs = ips[0], nil
			for _, ip := range ips {
				p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: ip})
			}
		}
	}
	for what, c := range map[string]struct {
		edit func(*corev1.Pod)
		want string
	}{
		"as it was":               {func(*corev1.Pod) {}, ""},
		"a phase":                 {func(p *corev1.Pod) { p.Status.Phase = "Dreaming" }, `status.phase: Unsupported value: "Dreaming": supported values: "Failed", "Pending", "Running", "Succeeded", "Unknown"`},
		"two families":            {ips("10.244.0.5", "fd00::5"), ""},
		"nonsense":                {ips("nonsense"), `status.podIPs[0]: Invalid value: "nonsense": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)`},
		"two of a family":         {ips("10.244.0.5", "10.244.0.6"), `status.podIPs: Invalid value: ["10.244.0.5","10.244.0.6"]: may specify no more than one IP for each IP family`},
		"one twice":               {ips("10.244.0.5", "10.244.0.5"), `status.podIPs: Invalid value: ["10.244.0.5","10.244.0.5"]: may specify no more than one IP for each IP family`},
		"of the node itself":      {ips("127.0.0.1"), ""},
		"one in the short field":  {func(p *corev1.Pod) { p.Status.PodIP, p.Status.PodIPs = "nonsense", nil }, `status.podIPs[0]: Invalid value: "nonsense": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)`},
		"two that differ":         {func(p *corev1.Pod) { p.Status.PodIP = "10.244.0.6" }, "status.podIPs[0].ip: Invalid value: \"10.244.0.5\": must be equal to `podIP`"},
		"of the host":             {func(p *corev1.Pod) { p.Status.HostIP = "10.244.0.6" }, "status.hostIPs[0].ip: Invalid value: \"172.30.0.3\": must be equal to `hostIP`"},
		"a class":                 {func(p *corev1.Pod) { p.Status.QOSClass = corev1.PodQOSGuaranteed }, `status.qosClass: Invalid value: "Guaranteed": field is immutable`},
		"no class":                {func(p *corev1.Pod) { p.Status.QOSClass = "" }, ""},
		"a node to come":          {func(p *corev1.Pod) { p.Status.NominatedNodeName = "a b" }, `status.nominatedNodeName: Invalid value: "a b": a lowercase RFC 1123 subdomain must consist of`},
		"a condition":             {func(p *corev1.Pod) { p.Status.Conditions = []corev1.PodCondition{{Type: "a b"}} }, `status.conditions[0].type: Invalid value: "a b"`},
		"a generation":            {func(p *corev1.Pod) { p.Status.ObservedGeneration = -1 }, `status.observedGeneration: Invalid value: -1: must be greater than or equal to 0`},
		"a container that ended":  {func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State = endedWith(0) }, ""},
		"what no container knows": {func(p *corev1.Pod) { p.Status.ContainerStatuses[0].Name = "other" }, ""},
	} {
		old := running(t, oneContainer)
		pod := old.DeepCopy()
		c.edit(pod)
		Kinds[0].Default(pod)
		got := ""
		for _, err := range append(Kinds[0].Validate(pod), Kinds[0].ValidateUpdate(pod, old)...) {
			got += err.Error()
		}
		if got = got[:min(len(got), max(len(c.want), 1))]; got != c.want {
			t.Errorf("%s (-want +got):\n%s", what, cmp.Diff(c.want, got))
		}
	}
}

func TestWhatHasEndedForGoodDoesNotRunAgain(t *testing.T) {
	for what, c := range map[string]struct {
		spec string
		code int32
		want bool
	}{
		"it is always restarted":            {oneContainer, 0, true},
		"it is never restarted":             {`{restartPolicy: Never, ` + oneContainer + `}`, 1, false},
		"it failed, and is restarted":       {`{restartPolicy: OnFailure, ` + oneContainer + `}`, 1, true},
		"it succeeded, and is not":          {`{restartPolicy: OnFailure, ` + oneContainer + `}`, 0, false},
		"a container has a rule of its own": {`{restartPolicy: Never, containers: [{name: main, image: nginx, restartPolicy: Always}]}`, 1, true},
	} {
		old := running(t, c.spec)
		now := old.DeepCopy()
		old.Status.ContainerStatuses[0].State = endedWith(c.code)
		errs := Kinds[0].ValidateUpdate(now, old)
		if (len(errs) == 0) != c.want {
			t.Errorf("%s: %v, want it allowed: %t", what, errs, c.want)
		}
		for _, err := range errs {
			if err.Error() != "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state" {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}
