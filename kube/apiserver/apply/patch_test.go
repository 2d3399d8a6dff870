package apply

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

// merge gives a pod with so many variables a patch with as many others.
func merge(t *testing.T, variables int) (took time.Duration, err error) {
	t.Helper()
	lists := [2][]corev1.EnvVar{}
	for i := range variables {
		for side := range lists {
			lists[side] = append(lists[side], corev1.EnvVar{Name: fmt.Sprintf("SIDE_%d_%d", side, i), Value: "x"})
		}
	}
	pod := func(env []corev1.EnvVar) *corev1.Pod {
		return &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Env: env}}}}
	}
	body, err := json.Marshal(map[string]any{"spec": map[string]any{"containers": pod(lists[1]).Spec.Containers}})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = Patch{types.StrategicMergePatchType, body}.change(pod(lists[0]), &corev1.Pod{})
	return time.Since(began), err
}

func TestAPatchWhoseListsTakeMinutesToMergeIsRefused(t *testing.T) {
	if took, err := merge(t, 1_000); err != nil {
		t.Error(err)
	} else {
		t.Log("a thousand variables into a thousand:", took)
	}
	if took, err := merge(t, 20_000); !apierrors.IsRequestEntityTooLargeError(err) || took > 2*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
}
