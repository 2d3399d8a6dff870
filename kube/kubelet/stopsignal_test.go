//go:build linux

package kubelet

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestAContainerIsAskedToEndWithTheSignalThatItNamesAndItsStatusSaysWhich(t *testing.T) {
	l := newLab(t)
	const deaf = "trap 'exit 7' USR1; trap '' TERM; while :; do sleep 0.01; done"
	l.create(pod("named", deaf, func(p *corev1.Pod) {
		p.Spec.OS = &corev1.PodOS{Name: corev1.Linux}
		p.Spec.ActiveDeadlineSeconds = new(int64(2))
		p.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{StopSignal: new(corev1.SIGUSR1)}
	}))
	l.create(pod("usual", obedient))
	for name, want := range map[string]corev1.Signal{"named": corev1.SIGUSR1, "usual": corev1.SIGTERM} {
		if got := web(l.becomes(name, "ready", ready)).StopSignal; got == nil || *got != want {
			t.Errorf("the status of %s says %v, want %s", name, got, want)
		}
	}
	over := func(p *corev1.Pod) bool { return web(p).State.Terminated != nil }
	if p := l.becomes("named", "over at its deadline", over); web(p).State.Terminated.ExitCode != 7 || web(p).StopSignal == nil {
		t.Errorf("at its end: %+v", web(p))
	}
}
