package pods

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubelab/kube/pods/observed"
	"kubelab/kube/volumes"
)

// withVolume is a pod with a volume, and what there is of it: what it is to hold, and what it was last made to hold.
func withVolume(have Current, wanted, made string) (*corev1.Pod, Current) {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Spec.Volumes = []corev1.Volume{{Name: "settings"}}
	of := func(content string) []volumes.Volume {
		if content == "" {
			return nil
		}
		return []volumes.Volume{{Name: "settings", Files: &volumes.Files{Files: []volumes.File{{Path: "a", Content: content}}}}}
	}
	have.Volumes = Volumes{Wanted: volumes.Decision{Volumes: of(wanted)}, Mounted: made != "", Made: of(made)}
	if wanted == "" {
		have.Volumes.Wanted.Problems = []volumes.Problem{{Volume: "settings", Message: `configmap "c" not found`}}
	}
	return pod, have
}

const missing = `mount volumes: MountVolume.SetUp failed for volume "settings" : configmap "c" not found`

func TestVolumesAreMadeBesideTheSandboxAndBeforeTheFirstContainer(t *testing.T) {
	pod, have := withVolume(nothing(), "x", "")
	check(t, "at first", actions(pod, have), "mount volumes\ncreate sandbox (attempt 0)\npull web:1 for web (IfNotPresent)")
	pod, have = withVolume(sandboxed().withImage("web", 0), "x", "")
	check(t, "all but the volume is there", actions(pod, doing(have, MountVolumes{})), "")
	pod, have = withVolume(sandboxed().withImage("web", 0), "x", "x")
	check(t, "all is there", actions(pod, have), "start container web (attempt 0) in sandbox s0")
	pod, have = withVolume(sandboxed().withImage("web", 0), "x", "")
	have.Volumes.Awaited = true
	check(t, "it is not known yet what it holds", actions(pod, have), "")
}

func TestVolumesThatWereNotMadeAreNoVolumesThatHoldNothing(t *testing.T) {
	pod, have := withVolume(sandboxed().withImage("web", 0), "x", "x")
	have.Volumes.Wanted.Volumes, have.Volumes.Made = nil, nil
	check(t, "they are made", actions(pod, have), "start container web (attempt 0) in sandbox s0")
	have.Volumes.Mounted = false
	check(t, "they are not", actions(pod, have), "mount volumes")
}

func TestAVolumeFollowsItsObjectWhileTheContainerRuns(t *testing.T) {
	for made, want := range map[string]string{"x": "", "y": "mount volumes"} {
		pod, have := withVolume(sandboxed(running("web", 0, time.Hour)), "x", made)
		check(t, "it holds "+made+" and is to hold x", actions(pod, have), want)
	}
}

func TestAVolumeThatCannotBeMadeKeepsItsPodWaiting(t *testing.T) {
	pod, have := withVolume(sandboxed().withImage("web", 0), "", "")
	pod.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "c"}}}}
	check(t, "actions", actions(pod, have), missing)
	check(t, "the reason, whatever else is missing", Plan(pod, have, now).Status.ContainerStatuses[0].State.Waiting.Reason, ContainerCreating)
}

func TestAVolumeIsTriedAgainAtOnceWhenWhatWasMissingHasCome(t *testing.T) {
	failed := Failure{Message: "x", Count: 9, At: ago(time.Second)}
	pod, have := withVolume(sandboxed().withImage("web", 0), "", "")
	have.Failed[missing] = failed
	check(t, "it is missing still", actions(pod, have), "")
	check(t, "and looked for again", Plan(pod, have, now).Wake.At.Sub(now).String(), (mountPauseLast - time.Second).String())
	pod, have = withVolume(sandboxed().withImage("web", 0), "x", "")
	have.Failed[missing] = failed
	check(t, "it has come", actions(pod, have), "mount volumes")
}

func TestVolumesOfAPodThatHasEndedAreRemoved(t *testing.T) {
	pod, have := withVolume(sandboxed(), "x", "x")
	pod.Status.Phase = corev1.PodSucceeded
	have.Volumes.Left = true
	check(t, "its sandbox is there", actions(pod, have), "stop sandbox s0")
	have.Sandboxes[0].Ready = false
	check(t, "nothing runs", actions(pod, have), RemoveVolumes{}.String())
	have.Containers = []observed.Container{running("web", 0, time.Minute)}
	check(t, "a container runs", actions(pod, have), "stop container web with 30s of grace: Stopping container web")
}
