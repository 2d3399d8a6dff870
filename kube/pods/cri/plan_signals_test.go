package cri

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func TestTheSignalOfAContainerIsToldToTheRuntimeAndReadBackUnderItsOwnName(t *testing.T) {
	for signal, want := range map[corev1.Signal]runtimeapi.Signal{
		corev1.SIGUSR1: runtimeapi.Signal_SIGNAL_SIGUSR1, corev1.SIGRTMINPLUS3: runtimeapi.Signal_SIGNAL_SIGRTMINPLUS3,
		corev1.SIGRTMAXMINUS1: runtimeapi.Signal_SIGNAL_SIGRTMAXMINUS1, corev1.SIGRTMAX: runtimeapi.Signal_SIGNAL_SIGRTMAX,
	} {
		pod := podOf(corev1.RestartPolicyAlways, "main")
		pod.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{StopSignal: &signal}
		got := ContainerConfig(pod, &pod.Spec.Containers[0], Attempt{}, Process{}, labNode).StopSignal
		if back := StopSignalOf(got); got != want || back == nil || *back != signal {
			t.Errorf("%s is %v for the runtime, want %v, and %v again", signal, got, want, back)
		}
	}
}

func TestWhoNamesNoSignalLeavesItToTheRuntime(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, "main")
	if got := ContainerConfig(pod, &pod.Spec.Containers[0], Attempt{}, Process{}, labNode).StopSignal; got != runtimeapi.Signal_SIGNAL_RUNTIME_DEFAULT {
		t.Errorf("the runtime is told %v", got)
	}
	if got := StopSignalOf(runtimeapi.Signal_SIGNAL_RUNTIME_DEFAULT); got != nil {
		t.Errorf("a runtime that tells no signal told %v", *got)
	}
}
