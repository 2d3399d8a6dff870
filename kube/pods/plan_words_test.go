package pods

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestTheContainersOfAPodShareWhatMayBeSaidOfTheirEnds(t *testing.T) {
	pod := podOf(corev1.RestartPolicyNever, "a", "b", "c", "d", "e", "f")
	dead := exited("a", 0, 0, 1, time.Second)
	dead.Message = strings.Repeat("x", 2047) + "äöü"
	status := Plan(pod, sandboxed(dead), now).Status.ContainerStatuses[0]
	check(t, "a sixth of 12 KiB, and no half letter", status.State.Terminated.Message, strings.Repeat("x", 2047))
}
